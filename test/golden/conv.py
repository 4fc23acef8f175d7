"""conv.json: convolutions, poolings and networks of them in float64, by PyTorch.

`layers`: each layer's tensors, x, y, a cotangent dy of y with the gradients it pulls back, and for convolutions the
Gram J Jᵀ of three sums of y with random weights (`cotangents`), example by example, in the layer's parameters.
`networks`: tensors, x, outputs, the gradient of ⟨dy, outputs⟩, and the tangent kernel of all outputs, whole and its
share by module; per-example Jacobians by torch.func. Rows go point by point.
"""

import torch
from torch import nn
from torch.func import functional_call, jacrev, vmap
from torch.nn import functional as F

from common import write

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(31)


def rounded(*shape, scale=1.0):
    return ((torch.randn(shape, generator=generator) * scale) * 1e4).round() / 1e4


def fill(module):
    with torch.no_grad():
        for p in module.parameters():
            fan_in = p[0].numel() if p.dim() > 1 else 4
            p.copy_(rounded(*p.shape, scale=fan_in**-0.5))


def tensor(t):
    return {"shape": list(t.shape), "data": t.detach().flatten()}


def tensors(module):
    return {name: tensor(p) for name, p in module.named_parameters()}


def gram(jacobians):
    full = torch.cat([j.flatten(2).flatten(0, 1) for j in jacobians], 1)
    return (full @ full.T).flatten()


def per_example(module, x, cotangents):
    """[n, o, …parameter] for each parameter: the derivatives of y's products with cotangents [n, o, …y]."""
    parameters = {name: p.detach() for name, p in module.named_parameters()}
    one = lambda p, xi, c: (c * functional_call(module, p, (xi[None],))).flatten(1).sum(1)
    return vmap(jacrev(one), (None, 0, 0))(parameters, x, cotangents)


def layer(module, x):
    fill(module)
    x = x.clone().requires_grad_()
    y = module(x)
    dy = rounded(*y.shape)
    parameters = dict(module.named_parameters())
    *slopes, dx = torch.autograd.grad(y, [*parameters.values(), x], dy)
    out = {
        "tensors": tensors(module),
        **{"x": tensor(x), "y": tensor(y), "dy": dy.flatten(), "dx": dx.flatten()},
        "dweights": {name: g.flatten() for name, g in zip(parameters, slopes)},
    }
    if parameters:
        cotangents = rounded(3, *y.shape)
        out["cotangents"] = cotangents.flatten(1)
        out["tangent"] = gram(per_example(module, x.detach(), cotangents.transpose(0, 1)).values())
    return out


class Padded(nn.Module):
    """ONNX's uneven padding."""

    def __init__(self, inner, top, left, bottom, right):
        super().__init__()
        self.weight, self.bias, self.inner = inner.weight, inner.bias, [inner]
        self.sides = (left, right, top, bottom)

    def forward(self, x):
        inner = self.inner[0]
        return F.conv2d(F.pad(x, self.sides), self.weight, self.bias, inner.stride, 0, inner.dilation, inner.groups)


class GlobalMax(nn.Module):
    def forward(self, x):
        return x.amax((2, 3))


class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class Branches(nn.Module):
    """A residual block, a gate, and channels side by side; then the mean over the image, and a head without bias."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.pointwise = nn.Conv2d(4, 4, 1)
        self.gate = nn.Conv2d(4, 4, 1)
        self.side = nn.Conv2d(4, 2, 3, padding=1)
        self.head = nn.Linear(6, 3, bias=False)

    def forward(self, x):
        a = torch.tanh(self.stem(x))
        b = a + self.pointwise(self.depthwise(a))
        c = b * torch.sigmoid(self.gate(b))
        d = torch.cat([c, self.side(b)], 1)
        return self.head(d.mean((2, 3)))


def network(module, x):
    fill(module)
    y = module(x)
    dy = rounded(*y.shape)
    parameters = dict(module.named_parameters())
    gradient = torch.autograd.grad(y, list(parameters.values()), dy)
    jacobians = per_example(module, x, torch.eye(y.shape[1]).expand(len(x), -1, -1))
    modules = dict.fromkeys(name.rsplit(".", 1)[0] for name in parameters)
    shares = {m: gram([j for name, j in jacobians.items() if name.rsplit(".", 1)[0] == m]) for m in modules}
    return {
        "tensors": tensors(module),
        **{"x": tensor(x), "y": tensor(y), "dy": dy.flatten()},
        "dweights": {name: g.flatten() for name, g in zip(parameters, gradient)},
        "tangent": gram(jacobians.values()),
        "shares": shares,
    }


write(
    "conv.json",
    {
        "layers": {
            "conv": layer(nn.Conv2d(2, 3, 3), rounded(3, 2, 5, 4)),
            "convEven": layer(nn.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(1, 2), dilation=(2, 1), bias=False), rounded(2, 2, 4, 5)),
            "convUneven": layer(Padded(nn.Conv2d(1, 2, 3, stride=2), 0, 1, 2, 1), rounded(2, 1, 4, 5)),
            "convGroups": layer(nn.Conv2d(4, 6, 2, groups=2, padding=1), rounded(2, 4, 3, 3)),
            "convDepthwise": layer(nn.Conv2d(3, 6, 3, groups=3, stride=2, padding=1, bias=False), rounded(2, 3, 4, 4)),
            "maxPool": layer(nn.MaxPool2d(2), rounded(2, 2, 4, 5)),
            "maxPoolCeil": layer(nn.MaxPool2d((3, 2), stride=2, padding=1, dilation=(1, 2), ceil_mode=True), rounded(2, 2, 6, 5)),
            "averagePool": layer(nn.AvgPool2d(2), rounded(2, 2, 4, 5)),
            "averagePoolCeil": layer(nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), rounded(2, 2, 6, 6)),
            "averagePoolInside": layer(
                nn.AvgPool2d((3, 2), stride=2, padding=1, ceil_mode=True, count_include_pad=False), rounded(2, 2, 6, 5)
            ),
            "globalMax": layer(GlobalMax(), rounded(2, 3, 2, 4)),
            "globalAverage": layer(GlobalAverage(), rounded(2, 3, 2, 4)),
            "denseTokens": layer(nn.Linear(4, 3), rounded(2, 5, 4)),
        },
        "networks": {
            "pooled": network(
                nn.Sequential(
                    nn.Conv2d(2, 3, 3, padding=1),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                    nn.Conv2d(3, 4, 2),
                    nn.Tanh(),
                    nn.AvgPool2d(2, stride=1),
                    nn.Flatten(),
                    nn.Linear(4, 3),
                ),
                rounded(4, 2, 6, 7),
            ),
            "branches": network(Branches(), rounded(4, 2, 5, 6)),
        },
    },
)
