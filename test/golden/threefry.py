"""threefry.json: Threefry-2x32, 20 rounds: Random123's published known answers and others from JAX."""

import numpy as np
from jax.extend.random import threefry_2x32

from common import write

# kat_vectors of Random123 (D. E. Shaw Research): counter, key, result.
PUBLISHED = [
    ("00000000 00000000", "00000000 00000000", "6b200159 99ba4efe"),
    ("ffffffff ffffffff", "ffffffff ffffffff", "1cb996fc bb002be7"),
    ("243f6a88 85a308d3", "13198a2e 03707344", "c4923a9c 483df7a0"),
]

OTHERS = [  # key, counter
    ([0, 0], [0, 1]),
    ([0, 0], [1, 0]),
    ([0, 1], [0, 0]),
    ([1, 0], [0, 0]),
    ([0, 42], [0, 0]),
    ([0, 42], [0, 4294967295]),
    ([2147483648, 2147483647], [2147483647, 2147483648]),
    ([123456789, 987654321], [5, 6]),
    ([3735928559, 3405691582], [195894762, 4277009102]),
    ([4294967295, 0], [0, 4294967295]),
]


def words(text):
    return [int(word, 16) for word in text.split()]


def jax(key, counter):
    return np.asarray(threefry_2x32(np.array(key, np.uint32), np.array(counter, np.uint32))).tolist()


published = [{"key": words(k), "counter": words(c), "result": words(r)} for c, k, r in PUBLISHED]
for case in published:
    assert jax(case["key"], case["counter"]) == case["result"]
others = [{"key": k, "counter": c, "result": jax(k, c)} for k, c in OTHERS]

write("threefry.json", {"random123": published, "jax": others})
