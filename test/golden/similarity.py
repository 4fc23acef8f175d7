"""Similarities of representations, computed the textbook way: SVD and QR in numpy, square roots by scipy.

Writes similarity.json. CCA by QR of both sides and singular values; SVCCA after keeping 99 % of the variance by SVD;
Procrustes by scipy.linalg.orthogonal_procrustes on centred matrices of norm 1; Bures by scipy.linalg.sqrtm.
"""
import numpy as np
import scipy.linalg

from common import write

rng = np.random.default_rng(0)
n = 40
x = rng.normal(size=(n, 6)) @ rng.normal(size=(6, 6))
y = np.tanh(x @ rng.normal(size=(6, 9))) + 0.1 * rng.normal(size=(n, 9))
c = lambda a: a - a.mean(0)


def hsic(k, l):
    h = np.eye(len(k)) - 1 / len(k)
    return np.trace(h @ k @ h @ l)


def cka(x, y):
    k, l = x @ x.T, y @ y.T
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def canonical(x, y):
    qx, _ = np.linalg.qr(c(x))
    qy, _ = np.linalg.qr(c(y))
    return np.linalg.svd(qx.T @ qy, compute_uv=False)


def reduced(x):
    u, s, _ = np.linalg.svd(c(x), full_matrices=False)
    keep = np.searchsorted(np.cumsum(s**2) / np.sum(s**2), 0.99) + 1
    return (u * s)[:, :keep]


def procrustes(x, y):
    a, b = c(x) / np.linalg.norm(c(x)), c(y) / np.linalg.norm(c(y))
    width = max(a.shape[1], b.shape[1])
    pad = lambda m: np.pad(m, ((0, 0), (0, width - m.shape[1])))
    _, scale = scipy.linalg.orthogonal_procrustes(pad(a), pad(b))
    return scale


def bures(k, l):
    r = scipy.linalg.sqrtm(k).real
    return np.trace(scipy.linalg.sqrtm(r @ l @ r).real) / np.sqrt(np.trace(k) * np.trace(l))


rho, rho_reduced = canonical(x, y), canonical(reduced(x), reduced(y))
full = lambda m: m @ m.T + 0.5 * np.eye(n)
write(
    "similarity.json",
    {
        "x": x,
        "y": y,
        "cka": cka(x, y),
        "cca": float(np.mean(rho**2)),
        "svcca": float(np.mean(rho_reduced)),
        "procrustes": float(procrustes(x, y)),
        "kernel": {
            "cka": hsic(full(x), full(y)) / np.sqrt(hsic(full(x), full(x)) * hsic(full(y), full(y))),
            "bures": float(bures(full(x), full(y))),
            "euclidean": float(np.linalg.norm(full(x) - full(y))),
        },
    },
)
