"""The networks of many_clients.ini in PyTorch."""
from torch import nn


class Net(nn.Module):
    def __init__(self, name):
        super().__init__()
        if name == "mlp":
            self.layers = nn.Sequential(
                nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(),
                nn.Linear(200, 10))
        else:
            self.layers = nn.Sequential(
                nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10))

    def forward(self, images):
        return self.layers(images)
