"""Milliseconds of one training step (forward, backward, SGD with momentum) by PyTorch: a network's
name and a number of steps a line in, their times as JSON out.
"""

import json
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(sys.argv[1]))


def cnn():
    convolution = lambda i, o: [nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers = [*convolution(3, 16), *convolution(16, 32), nn.Flatten(), nn.Linear(32 * 64, 10)]
    return nn.Sequential(*layers), torch.randn(64, 3, 32, 32)


def mlp():
    layers = [nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)]
    return nn.Sequential(*layers), torch.randn(128, 784)


def started(net, x):
    y = torch.arange(len(x)) % 10
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


steps = {"cnn": started(*cnn()), "mlp": started(*mlp())}
for line in sys.stdin:
    name, count = line.split()
    times = []
    for _ in range(int(count)):
        start = time.perf_counter()
        steps[name]()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"torch": times}), flush=True)
