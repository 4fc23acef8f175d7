"""adapt.json: a trained network as a Gaussian process, in function space and, to agree, in weight space.

Prior mean net(x), kernel Σ_l s_l J_l J_lᵀ (one s for all layers, or one a Linear layer), noise variance given.
Weight space: net(x) + J w, w ~ N(0, diag s), by explicit Bayesian linear regression.
"""

import torch
from scipy.stats import multivariate_normal
from torch import nn
from torch.func import functional_call, jacrev

from common import write

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(50)


def rounded(values, digits=4):
    return (values * 10**digits).round() / 10**digits


# A network trained a little on one function, its parameters then rounded: they are given, not claimed optimal.
net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
old_x = torch.linspace(-2, 2, 40)[:, None]
optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(500):
    optimiser.zero_grad()
    nn.functional.mse_loss(net(old_x), torch.sin(2 * old_x)).backward()
    optimiser.step()
with torch.no_grad():
    for p in net.parameters():
        p.copy_(rounded(p))
        p.requires_grad_(False)

# The new task: the old function moved, at ten points.
x = rounded(torch.linspace(-1.8, 1.9, 10) + 0.05 * torch.randn(10), 3)[:, None]
y = rounded(torch.sin(2 * x[:, 0] + 0.3) + 0.2 * x[:, 0] + 0.05 * torch.randn(10))
z = torch.tensor([-2.4, -1.5, -0.6, 0.0, 0.7, 1.55, 2.6])[:, None]

parameters = dict(net.named_parameters())


def jacobians(points):
    parts = jacrev(lambda p: functional_call(net, p, (points,))[:, 0])(parameters)
    return [torch.cat([parts[f"{k}.weight"].flatten(1), parts[f"{k}.bias"]], 1) for k in ("0", "2", "4")]


jx, jz = jacobians(x), jacobians(z)
mean_x, mean_z = net(x)[:, 0], net(z)[:, 0]
residual = y - mean_x
eye = torch.eye(10)


def kernel(scales, a, b):
    return sum(s * p @ q.T for s, p, q in zip(scales, a, b))


def log_marginal(log_scales, log_noise):
    covariance = kernel(log_scales.exp().expand(3), jx, jx) + log_noise.exp() * eye
    return torch.distributions.MultivariateNormal(mean_x, covariance).log_prob(y)


def posterior(scales, noise, keep, points):
    """Function space, from the data in `keep`, at points with given (Jacobians, network values)."""
    j, m = points
    kept = [p[keep] for p in jx]
    k = kernel(scales, kept, kept) + noise * torch.eye(len(kept[0]))
    cross = kernel(scales, j, kept)
    mean = m + cross @ torch.linalg.solve(k, residual[keep])
    return mean, kernel(scales, j, j) - cross @ torch.linalg.solve(k, cross.T)


def weight_space(scales, noise):
    prior = torch.cat([s.expand(p.shape[1]) for s, p in zip(scales, jx)])
    a, b = torch.cat(jx, 1), torch.cat(jz, 1)
    precision = a.T @ a / noise + torch.diag(1 / prior)
    w = torch.linalg.solve(precision, a.T @ residual / noise)
    return mean_z + b @ w, b @ torch.linalg.solve(precision, b.T)


def golden(scales, noise):
    log_scales = torch.tensor(scales).log().requires_grad_()
    log_noise = torch.tensor(noise).log().requires_grad_()
    value = log_marginal(log_scales, log_noise)
    d_scales, d_noise = torch.autograd.grad(value, (log_scales, log_noise))

    each = torch.tensor(scales).expand(3)
    everything = torch.arange(10)
    reference = multivariate_normal(mean_x.numpy(), (kernel(each, jx, jx) + noise * eye).numpy()).logpdf(y.numpy())
    assert abs(reference - value.item()) < 1e-9

    mean, covariance = posterior(each, noise, everything, (jz, mean_z))
    mean_w, covariance_w = weight_space(each, noise)
    assert torch.allclose(mean, mean_w, rtol=0, atol=1e-9), (mean - mean_w).abs().max()
    assert torch.allclose(covariance, covariance_w, rtol=0, atol=1e-9), (covariance - covariance_w).abs().max()

    left_out = []
    for i in range(10):
        at = ([p[[i]] for p in jx], mean_x[[i]])
        m, c = posterior(each, noise, everything[everything != i], at)
        left_out.append((m.item(), c.item() + noise))
    return {
        "scales": scales,
        "noise_variance": noise,
        "log_marginal_likelihood": value,
        "gradient_log_scales": d_scales,
        "gradient_log_noise": d_noise,
        "posterior_mean": mean,
        "posterior_covariance": covariance,
        "leave_one_out_mean": [m for m, _ in left_out],
        "leave_one_out_variance": [v for _, v in left_out],
    }


write(
    "adapt.json",
    {
        "widths": [1, 8, 8, 1],
        "activation": "tanh",
        "layers": [{"weight": net[k].weight, "bias": net[k].bias} for k in (0, 2, 4)],
        "x": x,
        "y": y,
        "z": z,
        "network_at_x": mean_x,
        "network_at_z": mean_z,
        "one_scale": golden([0.05], 0.01),
        "layer_scales": golden([0.2, 0.03, 0.01], 0.01),
    },
)
