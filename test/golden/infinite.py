"""Infinite-width kernels by neural-tangents, in float64: dense networks, images, tokens, branches of several activations.

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


# Images [height, width, channels] here, rows [channels, height, width] there.
images = rng.normal(size=(3, 2, 5, 5)), rng.normal(size=(2, 2, 5, 5))
tokens = rng.normal(size=(3, 4, 5)), rng.normal(size=(2, 4, 5))
C = lambda size=3, strides=(1, 1), padding="SAME": stax.Conv(1, (size, size), strides, padding, W_std=1.3, b_std=0.4)


def positioned(pair, layers, order=None):
    a, b = pair if order is None else (v.transpose(order) for v in pair)
    _, _, kernel = stax.serial(*layers)
    cross, own = kernel(a, b, ("nngp", "ntk")), kernel(a, None, ("nngp", "ntk"))
    return {"nngp": cross.nngp, "ntk": cross.ntk, "nngp_xx": own.nngp, "ntk_xx": own.ntk}


def attention(mechanism, linear):
    return stax.GlobalSelfAttention(
        1, 1, 1, 1, linear_scaling=linear, W_key_std=1.1, W_value_std=1.3, W_query_std=1.0, W_out_std=1.0,
        b_std=0.4, attention_mechanism=mechanism,
    )


nhwc = (0, 2, 3, 1)
out["images_x"], out["images_z"] = (v.reshape(len(v), -1) for v in images)
out["tokens_x"], out["tokens_z"] = (v.reshape(len(v), -1) for v in tokens)
out["conv"] = positioned(images, [C(), stax.Relu(), C(3, (2, 2)), stax.Relu(), C(2, (1, 1), "VALID"), stax.Erf(), stax.Flatten(), D()], nhwc)
out["globalPool"] = positioned(images, [C(), stax.Relu(), C(), stax.Relu(), stax.GlobalAvgPool(), D()], nhwc)
out["averagePool"] = positioned(
    images,
    [C(), stax.Erf(), stax.AvgPool((2, 2), (2, 2)), C(), stax.Relu(), stax.Flatten(), D(), stax.Relu(), D()],
    nhwc,
)
out["convResidual"] = positioned(
    images,
    [
        C(),
        stax.FanOut(2),
        stax.parallel(stax.Identity(), stax.serial(stax.LayerNorm((1, 2, 3)), stax.Relu(), C())),
        stax.FanInSum(),
        stax.Gelu(approximate=False),
        stax.GlobalAvgPool(),
        D(),
    ],
    nhwc,
)
for name, mechanism, linear in [("softmax", "SOFTMAX", True), ("identity", "IDENTITY", False), ("tiedIdentity", "IDENTITY", True), ("tiedRelu", "RELU", True)]:
    out[f"attention_{name}"] = positioned(
        tokens, [D(), stax.LayerNorm(), attention(mechanism, linear), stax.Relu(), attention(mechanism, linear), stax.GlobalAvgPool(), D()]
    )
out["product"] = kernels(
    [stax.FanOut(2), stax.parallel(stax.serial(D(), stax.Relu()), stax.serial(D(), stax.Erf())), stax.FanInProd(), D()]
)
out["concatenate"] = kernels(
    [
        stax.FanOut(2),
        stax.parallel(
            stax.serial(stax.Dense(3, W_std=1.3, b_std=0.4), stax.Relu()),
            stax.serial(stax.Dense(5, W_std=1.3, b_std=0.4), stax.Erf()),
        ),
        stax.FanInConcat(-1),
        D(),
    ]
)
out["power"] = kernels([D(), stax.Monomial(3), D()])
write("infinite.json", out)
