"""Training in function space on cross-entropy by neural-tangents, in float64: a gradient flow solved numerically.

Needs neural-tangents and jax: see bench/peers/setup.sh. Writes infinite-training.json.
"""

import sys
import types

# Its TensorFlow part, which nothing here needs, would want TensorFlow.
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")

import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)
import jax.numpy as np  # noqa: E402
import neural_tangents as nt  # noqa: E402
import numpy as onp  # noqa: E402
from jax.nn import log_softmax, one_hot  # noqa: E402

from common import write  # noqa: E402

rng = onp.random.default_rng(0)
features, others = rng.normal(size=(6, 9)), rng.normal(size=(4, 9))
gram, cross = features @ features.T, others @ features.T
classes = onp.array([0, 1, 2, 0, 1, 2])
start, start_test = rng.normal(size=(6, 3)), rng.normal(size=(4, 3))
loss = lambda f, y: -np.sum(log_softmax(f) * y)
predict = nt.predict.gradient_descent(loss, gram, one_hot(classes, 3))
out = {"gram": gram, "cross": cross, "classes": classes, "start": start, "start_test": start_test}
for time in (0.1, 2.0, 30.0):
    train, test = predict(time, start, start_test, cross)
    out[f"t{time:g}"] = {"train": train, "test": test}
write("infinite-training.json", out)
