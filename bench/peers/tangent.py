"""Times tangent kernels in torch: the fastest run in milliseconds (and how it was found) as JSON, keyed "workload n peer".

Jacobian forms: torch.func's vmap(jacrev) contracted over the parameters, as PyTorch's own tutorial on neural tangent
kernels does (the faster of its two ways here), and products with unit vectors, one backward and one forward pass each, as
finite_ntk does. They are measured on fewer points or columns and scaled up by their operations, which the note says.
Structured: cotangents by one backward pass an output, then layer by layer as funspace does it, with torch's products.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.func import functional_call, jacrev, jvp, vjp, vmap

torch.set_num_threads(int(sys.argv[1]))
REPEATS = int(sys.argv[2])
WORKLOAD = sys.argv[3]
torch.manual_seed(0)
found = {}


def measure(f):
    f()
    times = []
    while len(times) < REPEATS and sum(times) < 10_000:
        start = time.perf_counter()
        f()
        times.append((time.perf_counter() - start) * 1e3)
    return min(times)


def report(peer, ms, note=None):
    found[f"{WORKLOAD} {n} {peer}"] = {"ms": ms, **({"note": note} if note else {})}
    print(f"{WORKLOAD} {n} {peer}: {ms:.0f} ms", file=sys.stderr)


def mlp():
    return nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)), (64,)


def cnn():
    return (
        nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2048, 10),
        ),
        (3, 32, 32),
    )


kind, outputs = WORKLOAD.split()
net, shape = mlp() if kind == "mlp" else cnn()
n = 1000 if outputs == "trace" else 100
x = torch.randn(n, *shape)
params = {k: v.detach() for k, v in net.named_parameters()}
one = lambda p, xi: functional_call(net, p, (xi[None],))[0]
rule = "Naf,Maf->NM" if outputs == "trace" else "Naf,Mbf->NaMb"


def jacobians(points, chunk=50):
    parts = [vmap(jacrev(one), (None, 0))(params, part) for part in points.split(chunk)]
    return [torch.cat([part[name].flatten(2) for part in parts]) for name in params]


def contract(js):
    return sum(torch.einsum(rule, j, j) for j in js)


def by_products(columns):
    """K e for unit vectors e: one backward pass and one forward."""
    f = lambda p: functional_call(net, p, (x,))
    back = vjp(f, params)[1]
    for c in range(columns):
        e = torch.zeros(n, 10)
        e[c, c % 10] = 1
        jvp(f, (params,), back(e))


def structured():
    taps, handles = {}, []
    linear = [m for m in net if isinstance(m, (nn.Linear, nn.Conv2d))]
    for m in linear:
        handles.append(m.register_forward_hook(lambda mod, i, o: taps.__setitem__(mod, (i[0].detach(), o))))
    y = net(x)
    for h in handles:
        h.remove()
    outs = [taps[m][1] for m in linear]
    cot = [torch.autograd.grad(y[:, p].sum(), outs, retain_graph=True) for p in range(10)]
    k = 0
    with torch.no_grad():
        for l, m in enumerate(linear):
            a = taps[m][0]
            d = torch.stack([c[l] for c in cot], 1)  # n × outputs × units (…)
            if isinstance(m, nn.Linear):
                rows = d.flatten(1) if outputs == "trace" else d.flatten(0, 1)
                inner = a @ a.T + 1
                if outputs == "full":
                    inner = inner.repeat_interleave(10, 0).repeat_interleave(10, 1)
                k = k + inner * (rows @ rows.T)
            else:
                patches = nn.functional.unfold(a, 3, padding=1)
                patches = torch.cat([patches, torch.ones(len(a), 1, patches.shape[2])], 1)
                g = d.flatten(1, 2).flatten(2) @ patches.transpose(1, 2)
                rows = g.flatten(1) if outputs == "trace" else g.reshape(len(a) * 10, -1)
                k = k + rows @ rows.T
    return k


# The explicit form and the structured one agree.
keep, x = x, x[:20]
explicit = contract(jacobians(x)).reshape(structured().shape)
assert torch.allclose(explicit, structured(), rtol=1e-3, atol=1e-3 * explicit.abs().max().item())
x = keep
# As many points as have their Jacobian in memory: 2.4 GB of the dense network's 200.
small = min(n, 200) if kind == "mlp" else n
js = jacobians(x[:small])
forming = measure(lambda: jacobians(x[:small]))
contracting = measure(lambda: contract(js))
del js
report(
    "torch.func",
    forming * n / small + contracting * (n / small) ** 2,
    None if small == n else f"measured on {small} points: Jacobian times {n / small:.0f}, products times {(n / small) ** 2:.0f}",
)
columns = 4
report(
    "finite_ntk",
    measure(lambda: by_products(columns)) * n * 10 / columns,
    f"measured on {columns} columns, times {n * 10 // columns}",
)
report("torch-structured", measure(structured))
print(json.dumps(found))
