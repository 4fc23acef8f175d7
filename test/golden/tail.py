"""tail.json: normal quantiles, erfinv and log Φ, each by mpmath at 400 digits from the float64 argument itself."""

from mpmath import erf, erfinv, log, mp, mpf, ncdf, sqrt

from common import write

mp.dps = 400

PROBABILITIES = [
    1e-300, 1e-100, 1e-30, 1e-16, 1e-12, 1e-9, 1e-6, 1e-4, 0.001, 0.01,
    0.02425, 0.1, 0.25, 0.5, 0.6, 0.9, 0.975, 0.999, 1 - 1e-9, 1 - 1e-12,
]  # fmt: skip
ARGUMENTS = [
    1e-300, 1e-12, 1e-6, 0.001, 0.05, 0.25, 0.5, 0.75, 0.9, 0.99,
    0.9999, 1 - 1e-6, 1 - 1e-9, 1 - 1e-12, 1 - 2**-53, -1e-12, -0.1, -0.5, -0.999, -(1 - 1e-12),
]  # fmt: skip
POINTS = [-100.0, -40.0, -38.0, -20.0, -10.0, -6.0, -3.0, -1.0, -0.1, 0.0, 0.5, 2.0, 5.0, 8.0, 20.0]


def quantile(p):
    q = sqrt(2) * erfinv(2 * mpf(p) - 1)
    assert abs(ncdf(q) / mpf(p) - 1) < mpf(10) ** -40
    return float(q)


def inverse(x):
    value = erfinv(mpf(x))
    assert abs(erf(value) / mpf(x) - 1) < mpf(10) ** -40
    return float(value)


write(
    "tail.json",
    {
        "normal_quantile": {"p": PROBABILITIES, "value": [quantile(p) for p in PROBABILITIES]},
        "erfinv": {"x": ARGUMENTS, "value": [inverse(x) for x in ARGUMENTS]},
        "log_normal_cdf": {"x": POINTS, "value": [float(log(ncdf(mpf(x)))) for x in POINTS]},
    },
)
