"""python read_safetensors.py PATH: what Python's safetensors reads in a file, as one line of JSON.

{"metadata": {...} or null, "tensors": {name: {"dtype", "shape", "sum", "first", "last"}}}; sums are float64.
"""

import json
import sys

import numpy as np
from safetensors import safe_open

DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "uint8": "U8", "bool": "BOOL"}


def summary(array):
    flat = np.ravel(array)
    return {
        "dtype": DTYPES.get(array.dtype.name, array.dtype.name),
        "shape": list(array.shape),
        "sum": float(flat.sum(dtype=np.float64)),
        "first": float(flat[0]) if flat.size else None,
        "last": float(flat[-1]) if flat.size else None,
    }


with safe_open(sys.argv[1], framework="numpy") as file:
    tensors = {name: summary(file.get_tensor(name)) for name in sorted(file.keys())}
    print(json.dumps({"metadata": file.metadata(), "tensors": tensors}))
