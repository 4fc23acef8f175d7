"""training.json: ten full-batch steps of each optimiser, losses and schedules, float64, by PyTorch."""

import copy
import math

import torch
from torch import nn, optim
from torch.nn import functional as F

from common import write

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(30)


def rounded(*shape, scale=1.0):
    return (torch.randn(shape, generator=generator) * scale * 1e4).round() / 1e4


net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
with torch.no_grad():
    for p in net.parameters():
        p.copy_(rounded(*p.shape, scale=0.5))
x, y = rounded(12, 3), rounded(12, 2)


def linear(net):
    return [{"weight": layer.weight, "bias": layer.bias} for layer in (net[0], net[2])]


# Weight decay is on weights and biases alike, as it is in PyTorch with one parameter group.
OPTIMISERS = {
    "sgd": (optim.SGD, {"lr": 0.05}),
    "sgd_momentum": (optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "sgd_nesterov": (optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "sgd_weight_decay": (optim.SGD, {"lr": 0.05, "weight_decay": 0.01}),
    "adam": (optim.Adam, {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8}),
    "adam_l2": (optim.Adam, {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}),
    "adamw": (optim.AdamW, {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.05}),
}


def trained(make, options, steps=10):
    model = copy.deepcopy(net)
    optimiser = make(model.parameters(), **options)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())  # before the step
    return {
        "options": options,
        "losses": losses,
        "final_loss": F.mse_loss(model(x), y),
        "layers": linear(model),
    }


def loss_golden(outputs, targets, loss):
    outputs = outputs.clone().requires_grad_()
    value = loss(outputs, targets)
    (gradient,) = torch.autograd.grad(value, outputs)
    return {"outputs": outputs, "targets": targets, "value": value, "gradient": gradient}


def gaussian_nll(outputs, targets):
    mean, log_variance = outputs[:, 0], outputs[:, 1]
    half = 0.5 * math.log(2 * math.pi)
    return (0.5 * (log_variance + (targets - mean) ** 2 / log_variance.exp()) + half).mean()


gaussian = loss_golden(rounded(6, 2), rounded(6), gaussian_nll)
mean, log_variance = gaussian["outputs"].detach().T
reference = F.gaussian_nll_loss(mean, gaussian["targets"], log_variance.exp(), full=True)
assert torch.isclose(reference, gaussian["value"], rtol=1e-14)

labels = torch.tensor([0, 3, 1, 1, 2, 0, 3])
losses = {
    "mse": loss_golden(rounded(5, 3), rounded(5, 3), F.mse_loss),
    "cross_entropy": loss_golden(rounded(7, 4, scale=2.0), labels, F.cross_entropy),
    # One logit 800 above the others: needs the usual shift by the largest.
    "cross_entropy_large": loss_golden(
        torch.tensor([[800.0, 0.0, 1.0], [-700.0, 5.0, 4.0], [3.0, -800.0, 2.0]]), torch.tensor([0, 1, 1]), F.cross_entropy
    ),
    "gaussian_nll": gaussian,
}


def rates(make, epochs=20, lr=0.1):
    optimiser = optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)
    schedule = make(optimiser)
    out = []
    for _ in range(epochs):
        out.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return out


schedules = {
    "cosine": {
        "options": {"lr": 0.1, "T_max": 20, "eta_min": 0.0},
        "rates": rates(lambda o: optim.lr_scheduler.CosineAnnealingLR(o, T_max=20)),
    },
    "cosine_floor": {
        "options": {"lr": 0.1, "T_max": 20, "eta_min": 0.001},
        "rates": rates(lambda o: optim.lr_scheduler.CosineAnnealingLR(o, T_max=20, eta_min=0.001)),
    },
    "step": {
        "options": {"lr": 0.1, "step_size": 5, "gamma": 0.5},
        "rates": rates(lambda o: optim.lr_scheduler.StepLR(o, step_size=5, gamma=0.5)),
    },
}

write(
    "training.json",
    {
        "widths": [3, 5, 2],
        "activation": "tanh",
        "layers": linear(net),
        "x": x,
        "y": y,
        "optimisers": {name: trained(*how) for name, how in OPTIMISERS.items()},
        "losses": losses,
        "schedules": schedules,
    },
)
