#!/usr/bin/python3
"""Writes the inputs that some fuzzers start from: seeds.py DIR makes DIR/idx, DIR/cifar, ..."""

import gzip
import pathlib
import struct
import sys


def idx_input(images=2, labels=2, gzipped=False, limit=0, tail=b"", side=28, magic=0x803):
    image_file = struct.pack(">4I", magic, images, side, side) + bytes(images * side * side) + tail
    label_file = struct.pack(">2I", 0x801, labels) + bytes(i % 10 for i in range(labels))
    if gzipped:
        image_file, label_file = (gzip.compress(file, mtime=0) for file in (image_file, label_file))
    return bytes([gzipped, limit, len(label_file)]) + label_file + image_file


def cifar_input(flags=0, train=0, test=0, records=1, odd=0, start=b"\3\2\1"):
    return bytes([flags, train, test, records]) + bytes([odd] * bool(flags & 2)) + start


def state_input(flags, shard=0, shards=1, clients=(0, 1, 2, 3), numbers=5, own=3, tail=b""):
    """As version 0.1.0 wrote it."""
    fields = (0x3165746174736466, 7, shard, shards, len(clients), numbers, own, *clients)
    rows = struct.pack(f"<{numbers + own * len(clients)}f", *range(numbers + own * len(clients)))
    return bytes([flags]) + struct.pack(f"<{len(fields)}q", *fields) + rows + tail


def named_state_input(flags, shard=0, shards=1, clients=(0, 1, 2, 3), tail=b"",
                      fields=(("global", 5, 0), ("average.all.v", 4, 0), ("own", 3, 1))):
    head = struct.pack("<6q", 0x3265746174736466, 7, shard, shards, len(clients), len(fields))
    for name, width, of_clients in fields:
        head += struct.pack("<3q", len(name), width, of_clients) + name.encode()
    floats = sum(width * (len(clients) if of_clients else 1) for _, width, of_clients in fields)
    rows = struct.pack(f"<{floats}f", *range(floats))
    return bytes([flags]) + head + struct.pack(f"<{len(clients)}q", *clients) + rows + tail


SEEDS = {
    "idx": [idx_input(), idx_input(limit=1), idx_input(gzipped=True), idx_input(3, 2),
            idx_input(gzipped=True, limit=1), idx_input(tail=b"x"), idx_input(side=27),
            idx_input(gzipped=True)[:-9], idx_input(magic=0x801), idx_input(0, 0),
            idx_input(2000, 2, gzipped=True)],
    "cifar": [cifar_input(), cifar_input(1), cifar_input(2, odd=7), cifar_input(records=2, train=3),
              cifar_input(4), cifar_input(test=1, records=2), cifar_input(1, 7, 1, 2, start=b"\1c")],
    "state": [state_input(1), state_input(3, 1, 2, (1, 3), 0), state_input(0, tail=bytes(8)),
              state_input(1, clients=(), own=0), state_input(3, 1, 2, (3, 1), 0),
              state_input(1, numbers=0), state_input(1, 1, 2), state_input(1)[:40], b"\1",
              named_state_input(1), named_state_input(3, 1, 2, (1, 3), fields=(("own", 3, 1),)),
              named_state_input(0, tail=bytes(8)), named_state_input(1)[:70],
              named_state_input(1, fields=(("own", 3, 1), ("own", 3, 1)))],
}


def main():
    for name, inputs in SEEDS.items():
        directory = pathlib.Path(sys.argv[1]) / name
        directory.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (directory / f"seed-{number:02d}").write_bytes(data)


if __name__ == "__main__":
    main()
