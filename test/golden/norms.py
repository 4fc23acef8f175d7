"""norms.json: normalisations, PReLU, embedding and softmax in float64: values, pull-backs, tangent Grams, by PyTorch.

Each case holds the layer's tensors, x, y, a cotangent dy of y with the gradients it pulls back, and the Gram
J Jᵀ of all numbers of y, example by example, in the layer's parameters. Batch norm is there frozen ("eval"), and in
training over two batches in turn, with the running statistics after each. `network` is three steps of gradient descent
on the mean squared error of a network with batch norm, and what it then predicts.
"""

import torch
from torch import nn
from torch.func import functional_call, jacrev

from common import write

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(21)


def rounded(*shape, scale=1.0, shift=0.0):
    return ((torch.randn(shape, generator=generator) * scale + shift) * 1e4).round() / 1e4


def fill(module):
    """Tensors unlike the ones layers start with; variances positive."""
    with torch.no_grad():
        for name, t in [*module.named_parameters(), *module.named_buffers()]:
            if t.is_floating_point():
                t.copy_(rounded(*t.shape).abs() + 0.3 if name.endswith("running_var") else rounded(*t.shape, shift=0.5))


def tensors(module):
    every = [*module.named_parameters(), *module.named_buffers()]
    return {name: {"shape": list(t.shape), "data": t.detach().clone().flatten()} for name, t in every if t.is_floating_point()}


def step(module, x):
    """A pass forward and one back."""
    if x.is_floating_point():
        x = x.clone().requires_grad_()
    y = module(x)
    dy = rounded(*y.shape)
    parameters = dict(module.named_parameters())
    wanted = [*parameters.values(), *([x] if x.requires_grad else [])]
    gradients = torch.autograd.grad(y, wanted, dy)
    return {
        "x": {"shape": list(x.shape), "data": x.flatten()},
        "y": {"shape": list(y.shape), "data": y.flatten()},
        "dy": dy.flatten(),
        "dweights": {name: g.flatten() for name, g in zip(parameters, gradients)},
        **({"dx": gradients[-1].flatten()} if x.requires_grad else {}),
    }


def frozen(module, x):
    fill(module)
    module.eval()
    out = {"tensors": tensors(module), **step(module, x)}
    parameters = {name: p.detach() for name, p in module.named_parameters()}
    if parameters:
        jacobian = jacrev(lambda p: functional_call(module, p, (x,)).flatten())(parameters)
        full = torch.cat([j.flatten(1) for j in jacobian.values()], 1)
        out["tangent"] = (full @ full.T).flatten()
    return out


def training(module, batches):
    fill(module)
    module.train()
    out = {"tensors": tensors(module), "steps": []}
    for x in batches:
        seen = step(module, x)
        after = tensors(module)
        seen["buffers"] = {name: after[name]["data"] for name in ["running_mean", "running_var"]}
        out["steps"].append(seen)
    return out


def network(x, targets):
    """Linear, batch norm, tanh, linear; tensors before and after training, and outputs after it."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    fill(net)
    before = tensors(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), targets).backward()
        optimizer.step()
    net.eval()
    return {"x": x, "targets": targets, "before": before, "after": tensors(net), "outputs": net(x).flatten()}


write(
    "norms.json",
    {
        "batchNorm1d": frozen(nn.BatchNorm1d(3), rounded(4, 3)),
        "batchNorm2d": frozen(nn.BatchNorm2d(2, eps=1e-3), rounded(3, 2, 2, 3)),
        "batchNorm1dTraining": training(nn.BatchNorm1d(3), [rounded(5, 3), rounded(4, 3, shift=2.0)]),
        "batchNorm2dTraining": training(nn.BatchNorm2d(2, momentum=0.3), [rounded(3, 2, 2, 3), rounded(2, 2, 2, 3)]),
        "layerNorm": frozen(nn.LayerNorm(5), rounded(3, 2, 5)),
        "layerNorm2": frozen(nn.LayerNorm((2, 3), eps=1e-3), rounded(3, 2, 3)),
        "groupNorm": frozen(nn.GroupNorm(2, 4), rounded(2, 4, 2, 2)),
        "instanceNorm": frozen(nn.InstanceNorm2d(2, affine=True), rounded(2, 2, 3, 2)),
        "prelu": frozen(nn.PReLU(), rounded(3, 4)),
        "preluByChannel": frozen(nn.PReLU(3), rounded(2, 3, 4)),
        "embedding": frozen(nn.Embedding(4, 3), torch.tensor([[0, 2, 2], [3, 0, 2], [3, 3, 3]])),
        "softmax": frozen(nn.Softmax(dim=-1), rounded(3, 2, 4, scale=2)),
        "softmax1": frozen(nn.Softmax(dim=1), rounded(2, 3, 2, scale=2)),
        "logSoftmax": frozen(nn.LogSoftmax(dim=-1), rounded(3, 4, scale=2)),
        "logSoftmax1": frozen(nn.LogSoftmax(dim=1), rounded(2, 3, 2, scale=2)),
        "network": network(rounded(6, 3), rounded(6, 2)),
    },
)
