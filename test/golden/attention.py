"""attention.json: self-attention and a transformer encoder block in float64: values, pull-backs, tangents, by PyTorch.

`attention` is nn.MultiheadAttention on (x, x, x); `encoder` nn.TransformerEncoderLayer in eval mode (post-norm, GELU)
followed by a linear layer on each token. `tangent` is J Jᵀ of all outputs, example by example, in all
parameters, and `tangent_parts` its shares by module, in their order.
"""

import torch
from torch import nn
from torch.func import functional_call, jacrev

from common import write

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(22)


def rounded(*shape, scale=1.0):
    return (torch.randn(shape, generator=generator) * scale * 1e4).round() / 1e4


class SelfAttention(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class Encoder(nn.Module):
    """Two numbers a token."""

    def __init__(self):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(6, 2, dim_feedforward=8, activation="gelu", batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.block(x))


def case(module, x, parts):
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_(rounded(*p.shape, scale=0.5) + (1 if "norm" in name and name.endswith("weight") else 0))
    module.eval()
    x = x.clone().requires_grad_()
    y = module(x)
    dy = rounded(*y.shape)
    parameters = dict(module.named_parameters())
    *dweights, dx = torch.autograd.grad(y, [*parameters.values(), x], dy)
    point = x.detach()
    values = {name: p.detach() for name, p in parameters.items()}
    jacobian = jacrev(lambda p: functional_call(module, p, (point,)).flatten())(values)
    shares = {}
    for part in parts:
        j = torch.cat([jacobian[name].flatten(1) for name in values if name.startswith(part)], 1)
        shares[part] = (j @ j.T).flatten()
    full = torch.cat([j.flatten(1) for j in jacobian.values()], 1)
    return {
        "x": {"shape": list(x.shape), "data": x.flatten()},
        "y": {"shape": list(y.shape), "data": y.flatten()},
        "dy": dy.flatten(),
        "dx": dx.flatten(),
        "tensors": {name: {"shape": list(p.shape), "data": p.flatten()} for name, p in values.items()},
        "dweights": {name: g.flatten() for name, g in zip(parameters, dweights)},
        "tangent": (full @ full.T).flatten(),
        "tangent_parts": shares,
    }


write(
    "attention.json",
    {
        "attention": case(SelfAttention(4, 2, batch_first=True), rounded(2, 3, 4), ["in_proj", "out_proj"]),
        "encoder": case(
            Encoder(),
            rounded(3, 3, 6),
            [f"block.{part}" for part in ["self_attn", "linear1", "linear2", "norm1", "norm2"]] + ["head"],
        ),
    },
)
