"""tangent.json: tangent kernels of a dense and a convolutional network in float64, by torch.func.

For each network: its parameters in the order of torch.nn.Module.parameters(), flattened, and for few points the outputs,
the Jacobian's Gram (rows point by point), its trace over the outputs, its part from the last layer and from the biases,
and products of the Gram, the Jacobian and the Fisher information of a softmax output with vectors.
"""

import torch
from torch import nn
from torch.func import functional_call, jacrev, jvp, vjp

from common import write

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(31)


def rounded(*shape, scale=1.0):
    """Random normal numbers of four decimals, so that the file stays short."""
    return (torch.randn(shape, generator=generator) * scale * 1e4).round() / 1e4


def golden(net, shape, n):
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(rounded(*p.shape, scale=1.2 / max(1, p[0].numel()) ** 0.5 if p.dim() > 1 else 0.4))
    x = rounded(n, *shape)
    params = {name: p.detach() for name, p in net.named_parameters()}
    f = lambda p: functional_call(net, p, (x,)).flatten()
    parts = {name: j.flatten(1) for name, j in jacrev(f)(params).items()}
    outputs = net(x).detach()
    o = outputs.shape[1]
    j = torch.cat(list(parts.values()), 1)
    gram = lambda names: sum(parts[name] @ parts[name].T for name in names)
    full = gram(parts)
    last = list(parts)[-1].rsplit(".", 1)[0] + "."
    v = rounded(j.shape[0])
    w = rounded(j.shape[1])
    split = dict(zip(params, w.split([p.numel() for p in params.values()])))
    moved = jvp(f, (params,), ({k: s.reshape(params[k].shape) for k, s in split.items()},))[1]
    # The Hessian of the divergence in the outputs, by torch's own second derivatives.
    slopes = []
    for i in range(n):
        probabilities = outputs[i].softmax(0)
        kl = lambda g: (probabilities * (probabilities.log() - g.log_softmax(0))).sum()
        slopes.append(torch.autograd.functional.hessian(kl, outputs[i]) @ moved[i * o : (i + 1) * o])
    back = torch.cat([g.flatten() for g in vjp(f, params)[1](torch.cat(slopes))[0].values()])
    return {
        "parameters": torch.cat([p.flatten() for p in params.values()]),
        "x": x.flatten(1),
        "outputs": outputs,
        "full": full,
        "trace": full.reshape(n, o, n, o).diagonal(dim1=1, dim2=3).sum(-1),
        "last": gram([name for name in parts if name.startswith(last)]),
        "biases": gram([name for name in parts if name.endswith("bias")]),
        "v": v,
        "kv": full @ v,
        "w": w,
        "jw": moved,
        "softmax_fisher_w": back,
    }


mlp = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 7), nn.GELU(), nn.Linear(7, 3))
cnn = nn.Sequential(
    nn.Conv2d(2, 4, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(4, 5, 3, stride=2),
    nn.Tanh(),
    nn.Flatten(),
    nn.Linear(20, 3),
)
write("tangent.json", {"mlp": golden(mlp, (5,), 6), "cnn": golden(cnn, (2, 12, 12), 4)})
