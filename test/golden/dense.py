"""dense-*.json: dense networks in float64: values, loss gradients, Jacobians and tangent kernels, by PyTorch.

Parameters are in the order of torch.nn.Module.parameters(): each Linear's weight [out, in], row by row, then
its bias. Rows of the Jacobian and of every tangent kernel go point by point: (point 0, output 0),
(point 0, output 1), ..., (point 1, output 0), ...
"""

import torch
from torch import nn
from torch.func import functional_call, jacrev, jvp, vjp

from common import write

torch.set_default_dtype(torch.float64)


class Erf(nn.Module):
    def forward(self, x):
        return torch.erf(x)


class Sin(nn.Module):
    def forward(self, x):
        return torch.sin(x)


ACTIVATIONS = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.01),
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "erf": Erf,
    "sin": Sin,
}

NETWORKS = [
    ([1, 5, 1], "tanh", 7, 4),
    ([3, 7, 6, 2], "relu", 6, 3),
    ([3, 7, 6, 2], "gelu", 6, 3),
    ([4, 5, 3], "leaky_relu", 5, 3),
    ([4, 5, 3], "silu", 5, 3),
    ([4, 5, 3], "sigmoid", 5, 3),
    ([4, 5, 3], "softplus", 5, 3),
    ([4, 5, 3], "erf", 5, 3),
    ([4, 5, 3], "sin", 5, 3),
]


def rounded(shape, generator, scale=1.0):
    """Random normal numbers of four decimals, so that the files stay short."""
    return (torch.randn(shape, generator=generator) * scale * 1e4).round() / 1e4


def golden(widths, activation, n, m, generator):
    layers = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        linear = nn.Linear(fan_in, fan_out)
        with torch.no_grad():
            linear.weight.copy_(rounded((fan_out, fan_in), generator, 1.2 / fan_in**0.5))
            linear.bias.copy_(rounded((fan_out,), generator, 0.4))
        layers += [linear, ACTIVATIONS[activation]()]
    net = nn.Sequential(*layers[:-1])

    x, z = rounded((n, widths[0]), generator), rounded((m, widths[0]), generator)
    targets = rounded((n, widths[-1]), generator)
    outputs = net(x)
    loss = nn.functional.mse_loss(outputs, targets)  # the mean over all n × o elements
    gradient = torch.autograd.grad(loss, list(net.parameters()))

    parameters = {name: p.detach() for name, p in net.named_parameters()}
    at = lambda points: lambda p: functional_call(net, p, (points,)).flatten()

    def jacobians(points):
        """One matrix a Linear layer, [points · outputs, that layer's parameters]."""
        parts = jacrev(at(points))(parameters)
        names = [name[: -len(".weight")] for name in parts if name.endswith(".weight")]
        return [torch.cat([parts[f"{k}.weight"].flatten(1), parts[f"{k}.bias"]], 1) for k in names]

    jx, jz = jacobians(x), jacobians(z)
    full = torch.cat(jx, 1)

    v, u = rounded((full.shape[1],), generator), rounded((full.shape[0],), generator)
    pieces = dict(zip(parameters, v.split([p.numel() for p in parameters.values()])))
    tangents = {name: piece.reshape(parameters[name].shape) for name, piece in pieces.items()}
    jv = jvp(at(x), (parameters,), (tangents,))[1]
    jtu = torch.cat([g.flatten() for g in vjp(at(x), parameters)[1](u)[0].values()])
    assert torch.allclose(jv, full @ v, rtol=1e-13, atol=1e-13)
    assert torch.allclose(jtu, full.T @ u, rtol=1e-13, atol=1e-13)

    linear = lambda values: [{"weight": w, "bias": b} for w, b in zip(values[::2], values[1::2])]
    return {
        "widths": widths,
        "activation": activation,
        "layers": linear(list(net.parameters())),
        "x": x,
        "z": z,
        "outputs": outputs,
        "targets": targets,
        "loss": loss,
        "loss_gradient": linear(gradient),
        "jacobian": full,
        "tangent": full @ full.T,
        "tangent_cross": full @ torch.cat(jz, 1).T,
        "tangent_layers": [j @ j.T for j in jx],
        "v": v,
        "jv": jv,
        "u": u,
        "jtu": jtu,
    }


generator = torch.Generator().manual_seed(20)
for widths, activation, n, m in NETWORKS:
    name = f"dense-{'-'.join(map(str, widths))}-{activation}.json"
    write(name, golden(widths, activation, n, m, generator))
