"""gp.json: kernels, marginal likelihoods, predictions and leave-one-out values, by scikit-learn and scipy.

Gradients are with respect to the natural logarithms of the parameters, in the order named beside them.
"""

import numpy as np
from scipy.optimize import minimize, root
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)

from common import write

rng = np.random.default_rng(44)
x = rng.normal(size=(12, 3)).round(3)
z = rng.normal(size=(6, 3)).round(3)
y = (np.sin(1.3 * x[:, 0]) + 0.5 * x[:, 1] + 0.4 * np.cos(2 * x[:, 2]) + 0.3 * rng.normal(size=12)).round(4)

VARIANCE, LENGTHSCALES, NOISE = 1.4, [0.9, 1.7, 2.3], 0.05


def regressor(kernel, optimizer=None):
    return GaussianProcessRegressor(kernel, alpha=0.0, optimizer=optimizer)


def rbf_plus_noise():
    return ConstantKernel(VARIANCE) * RBF(LENGTHSCALES) + WhiteKernel(NOISE)


def regression():
    model = regressor(rbf_plus_noise()).fit(x, y)
    value, gradient = model.log_marginal_likelihood(model.kernel_.theta, eval_gradient=True)
    gram = model.kernel_(x)
    assert np.isclose(value, multivariate_normal(np.zeros(12), gram).logpdf(y), rtol=1e-12)

    mean, covariance_y = model.predict(z, return_cov=True)
    covariance = covariance_y - NOISE * np.eye(6)  # of f: scikit-learn's has the white part in it
    signal = model.kernel_.k1
    by_hand = signal(z) - signal(z, x) @ np.linalg.solve(gram, signal(x, z))
    assert np.allclose(covariance, by_hand, rtol=1e-11, atol=1e-13)

    f_values, y_values = (mean + 0.2 * rng.normal(size=(2, 6))).round(4)
    left_out_mean, left_out_variance = [], []
    for i in range(12):
        keep = np.arange(12) != i
        m, s = regressor(rbf_plus_noise()).fit(x[keep], y[keep]).predict(x[[i]], return_std=True)
        left_out_mean.append(m[0])
        left_out_variance.append(s[0] ** 2)

    return {
        "variance": VARIANCE,
        "lengthscales": LENGTHSCALES,
        "noise_variance": NOISE,
        "log_marginal_likelihood": value,
        "gradient_names": ["log variance", "log lengthscale 0", "log lengthscale 1", "log lengthscale 2", "log noise variance"],
        "gradient": gradient,
        "gram_with_noise": gram,
        "posterior": {
            "mean": mean,
            "covariance": covariance,
            "f": f_values,
            "log_density_f": multivariate_normal(mean, covariance).logpdf(f_values),
            "y": y_values,
            "log_density_y": multivariate_normal(mean, covariance_y).logpdf(y_values),
        },
        "leave_one_out": {"mean": left_out_mean, "variance": left_out_variance},
    }


def optimum():
    """A tight L-BFGS-B search from the fixed start, then a root of the gradient to full precision."""
    start = np.log([VARIANCE, *LENGTHSCALES, NOISE])

    def search(objective, theta, bounds):
        found = minimize(objective, theta, method="L-BFGS-B", jac=True, bounds=bounds, options={"gtol": 1e-9, "ftol": 1e-15})
        return found.x, found.fun

    model = regressor(rbf_plus_noise(), search).fit(x, y)
    evaluate = lambda theta: model.log_marginal_likelihood(theta, eval_gradient=True)
    best = root(lambda theta: evaluate(theta)[1], model.kernel_.theta, tol=1e-14).x
    value, gradient = evaluate(best)
    assert np.abs(gradient).max() < 1e-9 and np.allclose(best, model.kernel_.theta, atol=1e-4), (gradient, best)
    assert (np.abs(best) < np.log(1e3)).all(), np.exp(best)
    curvature = [(evaluate(best + d)[1] - evaluate(best - d)[1]) / 2e-5 for d in 1e-5 * np.eye(5)]
    assert (np.linalg.eigvals(np.array(curvature)).real < -1e-2).all()  # a maximum, and not a flat one
    parameters = np.exp(best)
    return {
        "start": np.exp(start),
        "variance": parameters[0],
        "lengthscales": parameters[1:4],
        "noise_variance": parameters[4],
        "log_parameters": best,
        "log_marginal_likelihood": value,
    }


def kernel_golden(kernel, names, parameters, points=x, others=z):
    """With ⟨bar, ∂K/∂ log θ⟩, the pull-back of the (unsymmetric) matrix `bar` below to the parameters."""
    gram, slopes = kernel(points, eval_gradient=True)
    return {
        "parameters": parameters,
        "gram": gram,
        "cross": kernel(points, others),
        "pullback_names": names,
        "pullback": np.einsum("ij,ijk->k", bar, slopes),
    }


bar = rng.normal(size=(12, 12)).round(2)
log_scales = [f"log lengthscale {d}" for d in range(3)]


def matern(nu):
    kernel = Matern(LENGTHSCALES, nu=nu)
    return kernel_golden(kernel, log_scales, {"lengthscales": LENGTHSCALES})


periodic = ExpSineSquared(length_scale=0.8, periodicity=1.9)  # exp(-2 sin²(π r / period) / lengthscale²), r Euclidean
periodic_parameters = {"lengthscale": 0.8, "period": 1.9}
periodic_names = ["log lengthscale", "log period"]

kernels = {
    "rbf": kernel_golden(RBF(LENGTHSCALES), log_scales, {"lengthscales": LENGTHSCALES}),
    "matern12": matern(0.5),
    "matern32": matern(1.5),
    "matern52": matern(2.5),
    # (1 + r² / (2 alpha lengthscale²))^-alpha; scikit-learn orders theta by name: alpha, length_scale
    "rational_quadratic": kernel_golden(
        RationalQuadratic(length_scale=1.1, alpha=0.7), ["log alpha", "log lengthscale"], {"lengthscale": 1.1, "alpha": 0.7}
    ),
    "periodic": kernel_golden(periodic, periodic_names, periodic_parameters),
    "periodic_1d": kernel_golden(periodic, periodic_names, periodic_parameters, x[:, :1], z[:, :1]),
    # sigma0² + x · z
    "dot_product": kernel_golden(DotProduct(sigma_0=0.6), ["log sigma0"], {"sigma0": 0.6}),
}

write(
    "gp.json",
    {"x": x, "y": y, "z": z, "bar": bar, "regression": regression(), "optimum": optimum(), "kernels": kernels},
)
