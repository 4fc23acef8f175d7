"""latent.json: Laplace's approximation of a classifier by scikit-learn, variational posteriors by GPyTorch.

The variational optimum is found by L-BFGS over all of GPyTorch's variational parameters (full covariance, inducing
points at the data), with kernel and likelihood held.
"""

import gpytorch
import numpy as np
import torch
from scipy.special import expit, log_ndtr
from scipy.stats import t
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from common import write

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(8)
x = rng.normal(size=(24, 2)).round(3)
z = rng.normal(size=(5, 2)).round(3)
score = 1.5 * np.sin(2 * x[:, 0]) + x[:, 1] + 0.5 * rng.normal(size=24)
labels = (score > 0.2).astype(int)
outliers = (score + np.where(np.arange(24) % 7 == 3, 6.0, 0.0)).round(4)
VARIANCE, LENGTHSCALES = 1.7, [0.8, 1.4]


def laplace():
    kernel = ConstantKernel(VARIANCE) * RBF(LENGTHSCALES)
    model = GaussianProcessClassifier(kernel, optimizer=None, max_iter_predict=200).fit(x, labels)
    value, gradient = model.log_marginal_likelihood(model.kernel_.theta, eval_gradient=True)
    base = model.base_estimator_
    gram = base.kernel_(x)
    lml, (pi, w_root, lower, b, a) = base._posterior_mode(gram, return_temporaries=True)
    cross = base.kernel_(z, x)
    mean = cross @ (labels - base.pi_)
    v = np.linalg.solve(base.L_, base.W_sr_[:, None] * cross.T)
    variance = base.kernel_.diag(z) - np.sum(v * v, axis=0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    probability = [np.sum(weights * expit(m + np.sqrt(s) * nodes)) for m, s in zip(mean, variance)]
    # scikit-learn's own integral is an approximation by five error functions.
    assert np.allclose(model.predict_proba(z)[:, 1], probability, atol=2e-3)
    return {
        "log_evidence": value,
        "gradient": gradient.tolist(),
        "mode": (gram @ a).tolist(),
        "mean": mean.tolist(),
        "variance": variance.tolist(),
        "probability": probability,
        "sklearn_probability": model.predict_proba(z)[:, 1].tolist(),
    }


class Variational(gpytorch.models.ApproximateGP):
    def __init__(self, points):
        distribution = gpytorch.variational.CholeskyVariationalDistribution(len(points))
        strategy = gpytorch.variational.VariationalStrategy(
            self, points, distribution, learn_inducing_locations=False, jitter_val=1e-12
        )
        super().__init__(strategy)
        self.mean_module = gpytorch.means.ZeroMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel(ard_num_dims=2))
        self.covar_module.outputscale = VARIANCE
        self.covar_module.base_kernel.lengthscale = torch.tensor(LENGTHSCALES)

    def forward(self, points):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(points), self.covar_module(points))


def expected_log_density(log_density, mean, variance):
    """By 200 nodes; GPyTorch's own log Φ is an approximation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    f = mean[:, None] + np.sqrt(variance)[:, None] * nodes
    return float(np.sum(log_density(f) @ (weights / weights.sum())))


def variational(likelihood, targets, log_density):
    points = torch.tensor(x)
    y = torch.tensor(targets)
    model = Variational(points)
    model.train()
    likelihood.train()
    bound = gpytorch.mlls.VariationalELBO(likelihood, model, num_data=len(y))
    searched = list(model.variational_strategy._variational_distribution.parameters())
    with gpytorch.settings.num_gauss_hermite_locs(60), gpytorch.settings.cholesky_jitter(double_value=1e-12):
        # The first call sets the variational parameters to the prior.
        model(points)
        search = torch.optim.LBFGS(
            searched, max_iter=3000, max_eval=6000, tolerance_grad=1e-10, tolerance_change=1e-16,
            history_size=50, line_search_fn="strong_wolfe",
        )

        def closure():
            search.zero_grad()
            loss = -len(y) * bound(model(points), y)
            loss.backward()
            return loss

        for _ in range(5):
            search.step(closure)
        value = -closure().item()
        q = model(points)
        divergence = model.variational_strategy.kl_divergence().item()
        average = expected_log_density(log_density, q.mean.detach().numpy(), q.variance.detach().numpy())
        model.eval()
        at = model(torch.tensor(z))
        return {
            "bound": average - divergence,
            "gpytorch_bound": value,
            "mean": at.mean.detach().tolist(),
            "variance": at.variance.detach().tolist(),
        }


def main():
    student = gpytorch.likelihoods.StudentTLikelihood()
    student.noise = 0.25
    student.deg_free = 4.0
    write(
        "latent.json",
        {
            "x": x.tolist(),
            "z": z.tolist(),
            "labels": labels.tolist(),
            "outliers": outliers.tolist(),
            "variance": VARIANCE,
            "lengthscales": LENGTHSCALES,
            "laplace": laplace(),
            "bernoulli": variational(
                gpytorch.likelihoods.BernoulliLikelihood(),
                labels.astype(float),
                lambda f: log_ndtr((2 * labels[:, None] - 1) * f),
            ),
            "student": variational(
                student, outliers, lambda f: t.logpdf(outliers[:, None], df=4.0, loc=f, scale=0.5)
            ),
        },
    )


main()
