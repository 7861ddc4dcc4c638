#!/usr/bin/env python3
"""What plain PyTorch reaches on this GPU with ResNet18 (no normalisation, 32 x 32 images).

A training step of autograd and the stock optimizer in float32, with TF32, in bfloat16 and with
channels last. Prints a Markdown table: what the card would give to a program that chose these.
"""
import argparse
import statistics
import sys
import time

try:
    import torch
    from torch.nn import functional as F
except ImportError:
    sys.exit("gpu_limits.py: needs PyTorch for Python (python3 -c 'import torch' fails)")

import plain_nets

FLOPS = 3 * 2 * 555_000_000  # an image, forward and backward: 0.555e9 multiply-adds forward


def seconds_a_step(batch, tf32, dtype, channels_last, steps, repeats):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.deterministic = True
    torch.manual_seed(1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = plain_nets.make("resnet18", [], 3, 32, 10).cuda().to(memory_format=layout)
    images = torch.randn(batch, 3, 32, 32, device="cuda").to(memory_format=layout)
    labels = torch.randint(10, (batch,), device="cuda")
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)

    def run():
        for _ in range(steps):
            optimizer.zero_grad()
            with torch.autocast("cuda", dtype=dtype, enabled=dtype is not torch.float32):
                loss = F.cross_entropy(net(images), labels)
            loss.backward()
            optimizer.step()
        torch.cuda.synchronize()
    run()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append((time.perf_counter() - begin) / steps)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("gpu_limits.py: PyTorch sees no GPU")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}\n")
    print("| arithmetic | layout | batch | ms a step | images/s | TFLOP/s |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for batch in options.batches:
        for name, tf32, dtype in (("float32", False, torch.float32), ("TF32", True, torch.float32),
                                  ("bfloat16", True, torch.bfloat16)):
            for channels_last in (False, True):
                seconds = seconds_a_step(batch, tf32, dtype, channels_last, options.steps,
                                         options.repeats)
                print(f"| {name} | {'channels last' if channels_last else 'channels first'} | "
                      f"{batch} | {1e3 * seconds:.2f} | {batch / seconds:.0f} | "
                      f"{FLOPS * batch / seconds / 1e12:.1f} |", flush=True)


if __name__ == "__main__":
    main()
