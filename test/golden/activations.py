"""activations.json: each activation with its first and second derivative, float64, by PyTorch's autograd."""

import mpmath
import torch
from torch.nn import functional as F

from common import write

torch.set_default_dtype(torch.float64)

FUNCTIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.01),
    "gelu": F.gelu,  # exact: x Φ(x)
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "softplus": lambda x: F.softplus(x, threshold=500),  # PyTorch's default is x itself from 20 on
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "exp": torch.exp,
    "abs": torch.abs,
    "elu": F.elu,
    "selu": F.selu,
    "hard_tanh": F.hardtanh,
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,  # F.hardsigmoid cannot be differentiated twice
    "hard_swish": F.hardswish,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}

EXACT = {
    "tanh": mpmath.tanh,
    "gelu": lambda x: x * mpmath.ncdf(x),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "erf": mpmath.erf,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "exp": mpmath.exp,
}

# No point but 0 itself lies on a kink; PyTorch's derivative there is relu' = 0, leaky relu' = slope.
grid = torch.cat([torch.linspace(-6, 6, 60), torch.tensor([0.0, -20.0, 20.0, -40.0, 40.0])])
grid = (grid * 1e4).round() / 1e4


def derivatives(f):
    x = grid.clone().requires_grad_()
    y = f(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    if first.requires_grad:
        (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True)
    else:
        second = None
    return {"y": y, "dy": first, "d2y": torch.zeros_like(x) if second is None else second + 0 * x}


content = {"x": grid, "leaky_slope": 0.01, "functions": {name: derivatives(f) for name, f in FUNCTIONS.items()}}

mpmath.mp.dps = 60  # PyTorch against 60 digits: 4e-15 absolutely (relatively, its tails are worse)
for name, f in EXACT.items():
    for i, x in enumerate(grid.tolist()):
        for order, key in enumerate(["y", "dy", "d2y"]):
            exact = float(mpmath.diff(f, mpmath.mpf(x), order) if order else f(mpmath.mpf(x)))
            ours = content["functions"][name][key][i].item()
            assert abs(ours - exact) < 4e-15 * max(1, abs(exact)), (name, key, x, ours, exact)

write("activations.json", content)
