"""Times numpy/scipy and torch on the engine's workloads: median milliseconds as JSON, keyed "workload size peer"."""

import json
import statistics
import sys
import time

import numpy as np
import scipy.linalg as sl
import torch
from scipy.spatial.distance import cdist

torch.set_num_threads(int(sys.argv[1]))
REPEATS = int(sys.argv[2])
ONLY = sys.argv[3]
rng = np.random.default_rng(0)
out = {}


def measure(key, f):
    if not key.startswith(ONLY):
        return
    f()
    times = []
    while len(times) < REPEATS and sum(times) < 1500:
        t = time.perf_counter()
        f()
        times.append((time.perf_counter() - t) * 1e3)
    out[key] = statistics.median(times)
    print(f"{key}: {out[key]:.2f} ms", file=sys.stderr)


for n in (1024, 2048):
    for kind in ("f64", "f32"):
        a = rng.standard_normal((n, n)).astype(np.float64 if kind == "f64" else np.float32)
        b = a.copy()
        ta, tb = torch.from_numpy(a), torch.from_numpy(b)
        measure(f"gemm {kind} {n} numpy", lambda: a @ b)
        measure(f"gemm {kind} {n} torch", lambda: ta @ tb)
for n in (512, 1024, 2048):
    g = rng.standard_normal((n, n))
    s = g @ g.T / n + np.eye(n)
    ts = torch.from_numpy(s)
    measure(f"potrf f64 {n} scipy", lambda: sl.cholesky(s, lower=True, check_finite=False))
    measure(f"potrf f64 {n} torch", lambda: torch.linalg.cholesky(ts))
for n in (500, 1000):
    g = rng.standard_normal((n, n))
    s = g + g.T
    ts = torch.from_numpy(s)
    measure(f"syevd f64 {n} scipy", lambda: sl.eigh(s, driver="evd", check_finite=False))
    measure(f"syevd f64 {n} torch", lambda: torch.linalg.eigh(ts))
for n, d in ((2000, 8), (2000, 32), (5000, 8), (5000, 32)):
    x = rng.standard_normal((n, d)) / np.sqrt(d)
    tx = torch.from_numpy(x)

    def matern(r):
        r = r * np.sqrt(5)
        return (1 + r + r * r / 3) * np.exp(-r)

    def tmatern():
        r = torch.cdist(tx, tx) * 5**0.5
        return (1 + r + r * r / 3) * torch.exp(-r)

    measure(f"rbf gram {n}x{d} scipy", lambda: np.exp(-0.5 * cdist(x, x, "sqeuclidean")))
    measure(f"rbf gram {n}x{d} torch", lambda: torch.exp(-0.5 * torch.cdist(tx, tx) ** 2))
    measure(f"matern52 gram {n}x{d} scipy", lambda: matern(cdist(x, x)))
    measure(f"matern52 gram {n}x{d} torch", tmatern)

n, d = 20000, 8
x = torch.from_numpy(rng.standard_normal((n, d)) / np.sqrt(d))
v = torch.from_numpy(rng.standard_normal((n, 8)))


def blocks():
    y = torch.empty(n, 8, dtype=torch.float64)
    for i in range(0, n, 500):
        y[i : i + 500] = torch.exp(-0.5 * torch.cdist(x[i : i + 500], x) ** 2) @ v
    return y


measure(f"rbf K v {n}x{d} torch", blocks)
x1 = torch.from_numpy(rng.standard_normal(10**6).astype(np.float32))
for name, f in (("tanh", torch.tanh), ("gelu", torch.nn.functional.gelu)):
    measure(f"{name} f32 1000000 torch", lambda: f(x1))
print(json.dumps(out))
