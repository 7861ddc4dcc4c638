"""The zoo's models as PyTorch modules, written as usual; tensors have the names of common/zoo/."""

from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    def __init__(self, hidden, inputs, classes):
        super().__init__()
        sizes = [inputs, *hidden, classes]
        self.names = [f"fc{i + 1}" for i in range(len(sizes) - 1)]
        for name, before, after in zip(self.names, sizes, sizes[1:]):
            self.add_module(name, nn.Linear(before, after))

    def forward(self, x):
        x = x.flatten(1)
        for name in self.names[:-1]:
            x = F.relu(getattr(self, name)(x))
        return getattr(self, self.names[-1])(x)


class Cnn(nn.Module):
    def __init__(self, channels, side, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)
        self.fc1 = nn.Linear(64 * (side // 4) ** 2, 512)
        self.fc2 = nn.Linear(512, classes)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class LeNet5(nn.Module):
    def __init__(self, channels, side, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2 if side < 32 else 0)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        return F.relu(self.conv2(F.relu(self.conv1(x))) + skip)


class ResNet18(nn.Module):
    """Without normalisation, with the stem for small images."""

    def __init__(self, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
        width = 64
        for group in range(1, 5):
            wider = 64 * 2 ** (group - 1)
            self.add_module(f"layer{group}", nn.Sequential(
                Block(width, wider, 1 if group == 1 else 2), Block(wider, wider, 1)))
            width = wider
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        for group in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = group(x)
        return self.fc(x.mean((2, 3)))


def make(name, hidden, channels, side, classes):
    """A net of the zoo for square images; `hidden`: sizes of the mlp's hidden layers."""
    if name == "mlp":
        return Mlp(hidden, channels * side * side, classes)
    if name == "resnet18":
        return ResNet18(channels, classes)
    return {"cnn": Cnn, "lenet5": LeNet5}[name](channels, side, classes)
