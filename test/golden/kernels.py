"""kernels.json: kernels with derivatives by GPyTorch and its autograd, and definitions integrated by scipy.

pip install gpytorch==1.15.2 beside the packages of README.md. Derivatives are those of <bar, k(x, z)>, in the
parameters' own values (not their logarithms) and in x and z.
"""

import gpytorch
import numpy as np
import torch
from gpytorch.kernels import (
    ConstantKernel,
    CosineKernel,
    IndexKernel,
    LinearKernel,
    MaternKernel,
    PeriodicKernel,
    PolynomialKernel,
    RBFKernel,
    RQKernel,
    ScaleKernel,
    SpectralMixtureKernel,
)
from scipy import stats
from scipy.integrate import quad

from common import write

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(4)
x = rng.normal(size=(8, 3)).round(3)
z = rng.normal(size=(5, 3)).round(3)
bar = rng.normal(size=(8, 5)).round(2)
LENGTHSCALES = [0.9, 1.7, 2.3]


def evaluate(kernel, parameters, columns=slice(None)):
    """`parameters` maps our name to (GPyTorch's, the derivative of its value in ours)."""
    a = torch.tensor(x[:, columns], requires_grad=True)
    b = torch.tensor(z[:, columns], requires_grad=True)
    for p in kernel.parameters():
        p.requires_grad_(True)
    with gpytorch.settings.lazily_evaluate_kernels(False):
        cross = kernel(a, b).to_dense()
        gram = kernel(torch.tensor(x[:, columns])).to_dense()
    (torch.tensor(bar) * cross).sum().backward()
    slopes = {}
    for ours, (path, factor) in parameters.items():
        *owners, name = path.split(".")
        module = kernel
        for owner in owners:
            module = getattr(module, owner)
        raw = getattr(module, f"raw_{name}")
        constraint = getattr(module, f"raw_{name}_constraint")
        at = raw.detach().clone().requires_grad_(True)
        constraint.transform(at).sum().backward()  # elementwise: d value / d raw
        slopes[ours] = (raw.grad / at.grad).flatten() * torch.as_tensor(factor)
    return {
        "columns": list(range(3))[columns],
        "gram": gram,
        "cross": cross,
        "slopes": slopes,
        "x_slopes": a.grad if a.grad is not None else torch.zeros_like(a),
        "z_slopes": b.grad if b.grad is not None else torch.zeros_like(b),
    }


def stationary(kernel):
    kernel.lengthscale = torch.tensor([LENGTHSCALES])
    return kernel


def with_values(kernel, **values):
    for name, value in values.items():
        setattr(kernel, name, torch.as_tensor(value))
    return kernel


lengthscale = {"lengthscale": ("lengthscale", 1.0)}
periodic = with_values(
    PeriodicKernel(ard_num_dims=3),
    # exp(-2 sum sin^2(pi d / period) / lengthscale): ours is its square root
    lengthscale=(torch.tensor(LENGTHSCALES) ** 2)[None],
    period_length=torch.tensor([[1.9, 2.4, 3.3]]),
)
mixture = SpectralMixtureKernel(num_mixtures=2, ard_num_dims=1)
mixture.mixture_weights = torch.tensor([0.6, 1.1])
mixture.mixture_means = torch.tensor([0.3, 0.7]).reshape(2, 1, 1)
mixture.mixture_scales = torch.tensor([0.1, 0.25]).reshape(2, 1, 1)
composite = ScaleKernel(stationary(RBFKernel(ard_num_dims=3))) + with_values(LinearKernel(), variance=0.4) * with_values(
    PeriodicKernel(ard_num_dims=3),
    lengthscale=(torch.tensor(LENGTHSCALES) ** 2)[None],
    period_length=torch.tensor([[1.9, 2.4, 3.3]]),
)
composite.kernels[0].outputscale = 1.3

kernels = {
    "rbf": evaluate(stationary(RBFKernel(ard_num_dims=3)), lengthscale),
    "matern12": evaluate(stationary(MaternKernel(nu=0.5, ard_num_dims=3)), lengthscale),
    "matern32": evaluate(stationary(MaternKernel(nu=1.5, ard_num_dims=3)), lengthscale),
    "matern52": evaluate(stationary(MaternKernel(nu=2.5, ard_num_dims=3)), lengthscale),
    "rationalQuadratic": evaluate(
        with_values(stationary(RQKernel(ard_num_dims=3)), alpha=0.7), {**lengthscale, "alpha": ("alpha", 1.0)}
    ),
    "periodic": evaluate(
        periodic,
        {
            "lengthscale": ("lengthscale", 2 * torch.tensor(LENGTHSCALES)),
            "period": ("period_length", 1.0),
        },
    ),
    # cos(pi r / period_length): our period is twice that
    "cosine": evaluate(with_values(CosineKernel(), period_length=0.75), {"period": ("period_length", 0.5)}, slice(0, 1)),
    "spectralMixture": evaluate(
        mixture,
        {
            "weight": ("mixture_weights", 1.0),
            "frequency": ("mixture_means", 1.0),
            "bandwidth": ("mixture_scales", 1.0),
        },
        slice(0, 1),
    ),
    "linear": evaluate(with_values(LinearKernel(), variance=0.6), {"variance": ("variance", 1.0)}),
    "polynomial": evaluate(with_values(PolynomialKernel(power=3), offset=0.8), {"offset": ("offset", 1.0)}),
    "constant": evaluate(with_values(ConstantKernel(), constant=1.4), {"variance": ("constant", 1.0)}),
    "composite": evaluate(
        composite,
        {
            "0.variance": ("kernels.0.outputscale", 1.0),
            "0.lengthscale": ("kernels.0.base_kernel.lengthscale", 1.0),
            "1.0.variance": ("kernels.1.kernels.0.variance", 1.0),
            "1.1.lengthscale": ("kernels.1.kernels.1.lengthscale", 2 * torch.tensor(LENGTHSCALES)),
            "1.1.period": ("kernels.1.kernels.1.period_length", 1.0),
        },
    ),
}

index = IndexKernel(num_tasks=3, rank=2)
index.covar_factor.data = torch.tensor([[0.5, -0.2], [0.1, 0.9], [-0.6, 0.3]])
index.var = torch.tensor([0.2, 0.5, 0.3])
coregion = {"weight": index.covar_factor.data, "diagonal": [0.2, 0.5, 0.3], "covariance": index.covar_matrix.to_dense()}


def arc_cosine(a, b, order):
    """2 E[Θ(w·a) Θ(w·b) (w·a)^n (w·b)^n], w in the plane of a and b: over its angle, and E[r^2n] = 1 or 2."""
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    size = (np.linalg.norm(a) * np.linalg.norm(b)) ** order
    inside = lambda phi: (np.cos(phi) * np.cos(phi - angle)) ** order
    total, _ = quad(inside, angle - np.pi / 2, np.pi / 2, epsabs=1e-13, epsrel=1e-13)
    return 2 * size * total / (2 * np.pi) * (1 if order == 0 else 2)


weights, bias = np.array([0.5, 1.0, 2.0]), 0.6
augment = lambda m: np.column_stack([m * np.sqrt(weights), np.full(len(m), np.sqrt(bias))])
arc = {f"order{n}": [[arc_cosine(a, b, n) for b in augment(z)] for a in augment(x)] for n in (0, 1)}


def gibbs(a, b):
    """The inner product of two unit bumps exp(-(u - x)² / ℓ(x)²), ℓ(x) = exp(0.4 x - 0.2)."""
    la, lb = np.exp(0.4 * a - 0.2), np.exp(0.4 * b - 0.2)
    bump = lambda u, m, l: np.exp(-(((u - m) / l) ** 2)) / np.sqrt(l * np.sqrt(np.pi / 2))
    total, _ = quad(lambda u: bump(u, a, la) * bump(u, b, lb), -40, 40, epsabs=1e-13, epsrel=1e-13, points=[a, b], limit=400)
    return total


places = [0.05, 0.4, 1.0, 2.5, 7.0]


def horseshoe(v, scale):
    density = lambda t: stats.norm(0, scale * np.tan(t)).pdf(v) * 2 / np.pi if 0 < t < np.pi / 2 else 0.0
    return np.log(quad(density, 0, np.pi / 2, epsabs=1e-14, epsrel=1e-13, limit=500)[0])  # λ = tan t is half-Cauchy


priors = {
    "at": places,
    "normal": stats.norm(0.3, 1.4).logpdf(places),
    "log-normal": stats.lognorm(0.7, scale=np.exp(0.3)).logpdf(places),
    "gamma": stats.gamma(2.5, scale=1 / 1.5).logpdf(places),
    "horseshoe": [horseshoe(v, 0.8) for v in places],
}

write(
    "kernels.json",
    {
        "x": x,
        "z": z,
        "bar": bar,
        "lengthscales": LENGTHSCALES,
        "kernels": kernels,
        "coregion": coregion,
        "arc_cosine": arc,
        "gibbs": [[gibbs(a, b) for b in z[:, 0]] for a in x[:, 0]],
        "priors": priors,
    },
)
