"""Arrays as numpy writes them: npy of every kind of number, both byte orders, Fortran order, versions 1 to 3, npz."""

import base64
import io

import numpy as np
from common import write

rng = np.random.default_rng(5)


def npy(a, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, a, version=version)
    return out.getvalue()


def entry(bytes_, a):
    return {
        "file": base64.b64encode(bytes_).decode(),
        "shape": list(a.shape),
        "values": np.asarray(a, dtype=np.float64).ravel().tolist(),
    }


kinds = ["?", "i1", "u1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", ">i8", "<u8", "<f2", ">f4", "<f4", "<f8", ">f8"]
files = {}
for kind in kinds:
    a = (100 * rng.normal(size=(3, 4))).round(1)
    if "u" in kind:
        a = abs(a)
    a = a.astype(kind)
    files[f"npy {kind}"] = entry(npy(a), a)
images = rng.integers(0, 256, size=(4, 2, 3, 5)).astype("u1")
files["fortran"] = entry(npy(np.asfortranarray(images)), images)
files["one axis"] = entry(npy(np.arange(5)), np.arange(5))
files["one number"] = entry(npy(np.float64(2.5)), np.float64(2.5))
files["no examples"] = entry(npy(np.zeros((0, 3))), np.zeros((0, 3)))
files["version 2"] = entry(npy(images, (2, 0)), images)
files["version 3"] = entry(npy(images, (3, 0)), images)
text = npy(np.array(["cat", "dog"]))
labels = np.array([3, 1, 2, 0], dtype=np.int64)
stored, deflated = io.BytesIO(), io.BytesIO()
np.savez(stored, images=images, labels=labels)
np.savez_compressed(deflated, images)
write(
    "arrays.json",
    {
        "files": files,
        "text": base64.b64encode(text).decode(),
        "stored": {"images": entry(stored.getvalue(), images), "labels": entry(b"", labels)},
        "deflated": entry(deflated.getvalue(), images),
    },
)
