"""Times neural-tangents' structured derivatives as peers/tangent.py times torch."""

import json
import os
import sys
import time
import types

WORKLOAD = sys.argv[3]
REPEATS = int(sys.argv[2])
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Its TensorFlow part, which nothing here needs, would want TensorFlow.
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")

import jax
import jax.numpy as jnp
import neural_tangents as nt
from jax import lax

kind, outputs = WORKLOAD.split()
n = 1000 if outputs == "trace" else 100
draw = lambda i, *shape: jax.random.normal(jax.random.PRNGKey(i), shape) * 0.05


def conv(h, w, b):
    y = lax.conv_general_dilated(h, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jax.nn.relu(y + b)


def pool(h):
    n, height, width, channels = h.shape
    return h.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def mlp(p, x):
    h = jax.nn.relu(x @ p[0] + p[1])
    h = jax.nn.relu(h @ p[2] + p[3])
    return h @ p[4] + p[5]


def cnn(p, x):
    h = pool(conv(pool(conv(x, p[0], p[1])), p[2], p[3]))
    return h.reshape(len(h), -1) @ p[4] + p[5]


if kind == "mlp":
    f, x = mlp, draw(9, n, 64) * 20
    shapes = [(64, 512), (512,), (512, 512), (512,), (512, 10), (10,)]
else:
    f, x = cnn, draw(9, n, 32, 32, 3) * 20
    shapes = [(3, 3, 3, 16), (16,), (3, 3, 16, 32), (32,), (2048, 10), (10,)]
params = [draw(i, *shape) for i, shape in enumerate(shapes)]
kernel = jax.jit(
    nt.empirical_ntk_fn(
        f,
        trace_axes=(-1,) if outputs == "trace" else (),
        vmap_axes=0,
        implementation=nt.NtkImplementation.STRUCTURED_DERIVATIVES,
    )
)
found = {}


def attempt(size):
    part = x[:size]
    kernel(part, None, params).block_until_ready()
    times = []
    while len(times) < REPEATS and sum(times) < 10_000:
        start = time.perf_counter()
        kernel(part, None, params).block_until_ready()
        times.append((time.perf_counter() - start) * 1e3)
    square = (n / size) ** 2
    key = f"{WORKLOAD} {n} neural-tangents"
    found[key] = {"ms": min(times) * square}
    if size < n:
        found[key]["note"] = f"measured on {size} points, which fit in memory, times {square:.0f}"
    print(f"{key}: {found[key]['ms']:.0f} ms", file=sys.stderr)


# The whole batch where memory allows, else blocks of it.
for size in (n, n // 2, n // 5, n // 10):
    try:
        attempt(size)
        break
    except Exception as error:
        print(f"neural-tangents, {size} points: {str(error)[:80]}", file=sys.stderr)
print(json.dumps(found))
