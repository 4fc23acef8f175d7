"""Times numpy/scipy and torch on the engine's workloads: a "workload size" a line in, their milliseconds as JSON out."""

import json
import sys
import time

import numpy as np
import scipy.linalg as sl
import torch
from scipy.spatial.distance import cdist

torch.set_num_threads(int(sys.argv[1]))
RUNS = 4
TURN_MS = 300
rng = np.random.default_rng(0)


def gemm(n, kind):
    a = rng.standard_normal((n, n)).astype(kind)
    b = a.copy()
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    return {"numpy": lambda: a @ b, "torch": lambda: ta @ tb}


def potrf(n):
    g = rng.standard_normal((n, n))
    s = g @ g.T / n + np.eye(n)
    ts = torch.from_numpy(s)
    return {
        "scipy": lambda: sl.cholesky(s, lower=True, check_finite=False),
        "torch": lambda: torch.linalg.cholesky(ts),
    }


def syevd(n):
    g = rng.standard_normal((n, n))
    s = g + g.T
    ts = torch.from_numpy(s)
    return {
        "scipy": lambda: sl.eigh(s, driver="evd", check_finite=False),
        "torch": lambda: torch.linalg.eigh(ts),
    }


def points(n, d):
    x = rng.standard_normal((n, d)) / np.sqrt(d)
    return x, torch.from_numpy(x)


def rbf_gram(n, d):
    x, tx = points(n, d)
    return {
        "scipy": lambda: np.exp(-0.5 * cdist(x, x, "sqeuclidean")),
        "torch": lambda: torch.exp(-0.5 * torch.cdist(tx, tx) ** 2),
    }


def matern52_gram(n, d):
    x, tx = points(n, d)

    def scipy():
        r = cdist(x, x) * np.sqrt(5)
        return (1 + r + r * r / 3) * np.exp(-r)

    def in_torch():
        r = torch.cdist(tx, tx) * 5**0.5
        return (1 + r + r * r / 3) * torch.exp(-r)

    return {"scipy": scipy, "torch": in_torch}


def multiply(n, d):
    _, x = points(n, d)
    v = torch.from_numpy(rng.standard_normal((n, 8)))

    def blocks():
        y = torch.empty(n, 8, dtype=torch.float64)
        for i in range(0, n, 500):
            y[i : i + 500] = torch.exp(-0.5 * torch.cdist(x[i : i + 500], x) ** 2) @ v
        return y

    return {"torch": blocks}


def elementwise(f, n):
    x = torch.from_numpy(rng.standard_normal(n).astype(np.float32))
    return {"torch": lambda: f(x)}


def both(of):
    return lambda size: of(*map(int, size.split("x")))


WORKLOADS = {
    "gemm f64": lambda size: gemm(int(size), np.float64),
    "gemm f32": lambda size: gemm(int(size), np.float32),
    "potrf f64": lambda size: potrf(int(size)),
    "syevd f64": lambda size: syevd(int(size)),
    "rbf gram": both(rbf_gram),
    "matern52 gram": both(matern52_gram),
    "rbf K v": both(multiply),
    "tanh f32": lambda size: elementwise(torch.tanh, int(size)),
    "gelu f32": lambda size: elementwise(torch.nn.functional.gelu, int(size)),
}


def turn(f):
    f()
    times = []
    while len(times) < RUNS and sum(times) < TURN_MS:
        t = time.perf_counter()
        f()
        times.append((time.perf_counter() - t) * 1e3)
    return times


name, ready = "", {}
for line in sys.stdin:
    if line != name:
        workload, size = line.strip().rsplit(" ", 1)
        name, ready = line, WORKLOADS.get(workload, lambda size: {})(size)
    out = {}
    for peer, f in ready.items():
        out[peer] = turn(f)
        time.sleep(0.06)  # a BLAS's threads spin for a while
    print(json.dumps(out), flush=True)
