"""from-python.safetensors, by the safetensors package, and from-python.json, what is in it."""

import numpy as np
from safetensors.numpy import save_file

from common import HERE, write

METADATA = {"format": "np", "note": "made by Python – naïve ünïcode", "empty": ""}

tensors = {
    "layer.0.weight": (np.arange(12, dtype=np.float32).reshape(3, 4) - 5) / np.float32(3),
    "layer.0.bias": np.array([0.1, -2.5, 3e38], dtype=np.float32),
    "double.cube": (np.arange(24, dtype=np.float64).reshape(2, 3, 4) - 7) / 7,
    "double.edge": np.array([-0.0, 5e-324, 1.7976931348623157e308, np.pi]),
    "double.scalar": np.array(2.718281828459045),
    "float.empty": np.zeros((0, 3), dtype=np.float32),
    "int.small": np.array([[1, -2], [3, -4], [5, 6]], dtype=np.int64),
    "int.edge": np.array([2**53 + 1, -(2**63), 2**63 - 1], dtype=np.int64),
    "float.odd": np.array([1.5], dtype=np.float32),
}
DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}


def expected(array):
    """Values flat, row by row; those of I64 are decimal strings, for JSON's numbers do not hold them all."""
    values = array.ravel().tolist()
    name = DTYPES[array.dtype.name]
    return {"dtype": name, "shape": list(array.shape), "values": [str(v) for v in values] if name == "I64" else values}


path = HERE / "from-python.safetensors"
save_file(tensors, path, metadata=METADATA)
print(f"{path.name}: {path.stat().st_size} bytes")
write("from-python.json", {"metadata": METADATA, "tensors": {k: expected(v) for k, v in tensors.items()}})
