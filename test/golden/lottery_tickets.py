"""Design facts, check 3, in PyTorch: what test/acceptance/tickets.ts is set against. Makes no file, prints a line a round.

Usage: python lottery_tickets.py glorot|torch pixels|normalised SEEDS, from the folder of ../shared.
"""

import gzip
import sys

import numpy as np
import torch

torch.set_num_threads(1)
init, scaling, seeds = sys.argv[1], sys.argv[2], [int(s) for s in sys.argv[3].split(",")]
sizes, rates = [784, 300, 100, 10], (0.2, 0.2, 0.1)


def read(name, skip):
    with gzip.open(f"../shared/data/mnist/t10k-{name}-ubyte.gz") as file:
        return np.frombuffer(file.read()[skip:], np.uint8)


order = np.random.RandomState(0).permutation(10_000)
pixels = read("images-idx3", 16).reshape(-1, 784).astype(np.float32)[order] / 255
images = torch.tensor((pixels - 0.1307) / 0.3081 if scaling == "normalised" else pixels)
labels = torch.tensor(read("labels-idx1", 8).astype(np.int64)[order])
x, y, x_test, y_test = images[:8000], labels[:8000], images[8000:], labels[8000:]


def draw(g):
    weights, biases = [], []
    for a, b in zip(sizes, sizes[1:]):
        if init == "glorot":
            weights.append(torch.randn(b, a, generator=g) * (2 / (a + b)) ** 0.5)
            biases.append(torch.zeros(b))
        else:
            weights.append((torch.rand(b, a, generator=g) * 2 - 1) * a**-0.5)
            biases.append((torch.rand(b, generator=g) * 2 - 1) * a**-0.5)
    return weights, biases


def forward(h, weights, biases):
    for i, (w, b) in enumerate(zip(weights, biases)):
        h = torch.addmm(b, h, w.t())
        h = h.relu() if i < 2 else h
    return h


def train(weights, biases, masks, seed):
    """Trained weights, and test accuracy and step of the least test loss, looked at every 50 of 1,200 steps."""
    w = [(v * m).clone().requires_grad_() for v, m in zip(weights, masks)]
    b = [v.clone().requires_grad_() for v in biases]
    adam = torch.optim.Adam(w + b, lr=1.2e-3)
    g = torch.Generator().manual_seed(seed)
    best = (float("inf"), 0, 0.0)
    step = 0
    while step < 1200:
        shuffled = torch.randperm(8000, generator=g)
        for k in range(0, 8000, 60):
            rows = shuffled[k : k + 60]
            loss = torch.nn.functional.cross_entropy(forward(x[rows], w, b), y[rows])
            adam.zero_grad()
            loss.backward()
            for v, m in zip(w, masks):
                v.grad *= m
            adam.step()
            step += 1
            if step % 50 == 0:
                with torch.no_grad():
                    out = forward(x_test, w, b)
                    test = torch.nn.functional.cross_entropy(out, y_test).item()
                    right = (out.argmax(1) == y_test).float().mean().item()
                best = min(best, (test, step, right))
            if step == 1200:
                break
    return [v.detach() for v in w], best


for seed in seeds:
    g = torch.Generator().manual_seed(seed)
    w0, b0 = draw(g)
    masks = [torch.ones_like(v) for v in w0]
    for r in range(12):
        w, (_, step, right) = train(w0, b0, masks, 100 * seed + r)
        left = sum(m.sum() for m in masks).item() / 266_200
        line = f"seed {seed} round {r} left {left:.3f} ticket {right:.4f} at step {step}"
        if r == 11:
            fresh = train(*draw(g), masks, 100 * seed + r + 50)[1]
            moved = [m.flatten()[torch.randperm(m.numel(), generator=g)].view_as(m) for m in masks]
            shuffled = train(w0, b0, moved, 100 * seed + r + 70)[1]
            line += f" reinitialised {fresh[2]:.4f} shuffled {shuffled[2]:.4f}"
        print(line, flush=True)
        for layer, rate in enumerate(rates):
            alive = w[layer].abs()[masks[layer] > 0].sort().values
            masks[layer] = masks[layer] * (w[layer].abs() > alive[round(rate * len(alive)) - 1])
