"""Times neural-tangents' infinite-width kernels on the CPU: repeats, workload, n and precision come as arguments."""

import json
import os
import sys
import time
import types

REPEATS, WORKLOAD, N, PRECISION = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Its TensorFlow part, which nothing here needs, would want TensorFlow.
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")

import jax

jax.config.update("jax_enable_x64", PRECISION == "f64")
import jax.numpy as jnp
from neural_tangents import stax

D = lambda: stax.Dense(1, W_std=2**0.5, b_std=0.1)
C = lambda: stax.Conv(1, (3, 3), padding="SAME", W_std=2**0.5, b_std=0.1)
dtype = jnp.float64 if PRECISION == "f64" else jnp.float32
shape = (N, 64) if WORKLOAD == "dense" else (N, 8, 8, 3)
x = jax.random.normal(jax.random.PRNGKey(0), shape, dtype)
if WORKLOAD == "dense":
    layers = [D(), stax.Relu(), D(), stax.Relu(), D(), stax.Relu(), D()]
else:
    end = stax.GlobalAvgPool() if WORKLOAD == "conv pool" else stax.Flatten()
    layers = [C(), stax.Relu(), C(), stax.Relu(), end, D()]
_, _, kernel_fn = stax.serial(*layers)
kernel = jax.jit(lambda a: kernel_fn(a, None, ("nngp", "ntk")))


def run():
    start = time.perf_counter()
    both = kernel(x)
    both.nngp.block_until_ready()
    both.ntk.block_until_ready()
    return (time.perf_counter() - start) * 1e3


run()
times = []
while len(times) < REPEATS and sum(times) < 10_000:
    times.append(run())
print(json.dumps({f"neural-tangents {PRECISION}": min(times)}))
