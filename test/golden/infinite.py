"""Infinite-width kernels by neural-tangents, in float64: dense networks of several activations, residual, layer norm.

Needs neural-tangents and jax: see bench/peers/setup.sh. Writes infinite.json.
"""

import sys
import types

# Its TensorFlow part, which nothing here needs, would want TensorFlow.
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")

import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)
import jax.numpy as np  # noqa: E402
import numpy as onp  # noqa: E402
from neural_tangents import stax  # noqa: E402

from common import write  # noqa: E402

rng = onp.random.default_rng(0)
x, z = rng.normal(size=(6, 4)), rng.normal(size=(5, 4))
D = lambda w=1.3, b=0.4: stax.Dense(1, W_std=w, b_std=b)

# tanh has no closed form: sums over 200 × 200 Gauss-Hermite nodes.
tanh = lambda: stax.ElementwiseNumerical(np.tanh, deg=200)
activations = {
    "relu": stax.Relu,
    "leakyRelu": lambda: stax.LeakyRelu(0.2),
    "abs": stax.Abs,
    "erf": stax.Erf,
    "gelu": lambda: stax.Gelu(approximate=False),
    "sin": stax.Sin,
    "cos": stax.Cos,
    "exp": stax.Exp,
    "tanh": tanh,
}


def kernels(layers):
    _, _, kernel = stax.serial(*layers)
    cross, own = kernel(x, z, ("nngp", "ntk")), kernel(x, None, ("nngp", "ntk"))
    return {"nngp": cross.nngp, "ntk": cross.ntk, "nngp_xx": own.nngp, "ntk_xx": own.ntk}


out = {"x": x, "z": z}
for name, phi in activations.items():
    scale = 0.7 if name == "exp" else 1.3
    d = lambda: D(scale)
    depth = [d(), phi(), d()] if name == "exp" else [d(), phi(), d(), phi(), d()]
    out[name] = kernels(depth)
out["residual"] = kernels(
    [
        D(),
        stax.FanOut(2),
        stax.parallel(stax.Identity(), stax.serial(stax.Relu(), D())),
        stax.FanInSum(),
        stax.Relu(),
        D(),
    ]
)
out["layerNorm"] = kernels([D(), stax.LayerNorm(), stax.Relu(), D(), stax.LayerNorm(), stax.Erf(), D()])
write("infinite.json", out)
