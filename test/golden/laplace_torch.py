"""laplace.json: Laplace's approximation by laplace-torch and scikit-learn.

laplace-torch: networks in whose weights' prior N(0, 1 / precision) the curvature (generalised Gauss-Newton) is taken at
the network's own outputs; whole, diagonal, Kronecker-factored and of the last layer alone: log det ratios, marginal
likelihoods and predictive covariances. Biases are weights of an appended 1, so that Kronecker factors include them.
scikit-learn: binary Gaussian process classification, kernel s (1 + x·x′): evidence, gradient, mode, latent moments.
"""

import numpy as np
import torch
from laplace import Laplace
from laplace.curvature import AsdlGGN, BackPackGGN, CurvlinopsGGN
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from common import write

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(5)


def rounded(values, digits=3):
    return (values * 10**digits).round() / 10**digits


def network(outputs):
    net = nn.Sequential(
        nn.ConstantPad1d((0, 1), 1.0),
        nn.Linear(3, 6, bias=False),
        nn.Tanh(),
        nn.ConstantPad1d((0, 1), 1.0),
        nn.Linear(7, outputs, bias=False),
    )
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(rounded(1.5 * torch.randn_like(p)))
    return net


def case(likelihood, net, x, y, z, precision, sigma, backends):
    loader = DataLoader(TensorDataset(x, y), batch_size=len(x))
    out = {}
    for structure, backend in backends.items():
        subset = "last_layer" if structure == "last_layer" else "all"
        extra = {} if subset == "all" else {"last_layer_name": "4"}
        la = Laplace(
            net,
            likelihood,
            subset_of_weights=subset,
            hessian_structure="full" if subset == "last_layer" else structure,
            prior_precision=precision,
            sigma_noise=sigma,
            backend=backend,
            **extra,
        )
        la.fit(loader)
        # The prior sits at the network: nothing is lost by how far its weights are from 0.
        la.prior_mean = la.mean
        mean, variance = la._glm_predictive_distribution(z)
        out[structure] = {
            "log_det_ratio": la.log_det_ratio,
            "log_marginal_likelihood": la.log_marginal_likelihood(),
            "predictive_mean": mean,
            "predictive_covariance": variance,
        }
    return {"precision": precision, "sigma": sigma, "layers": layers(net), "x": x, "y": y, "z": z, "structures": out}


def layers(net):
    return [
        {"weight": net[i].weight[:, :-1], "bias": net[i].weight[:, -1]} for i in (1, 4)
    ]


x = rounded(torch.randn(12, 2))
z = rounded(2 * torch.randn(5, 2))
backends = {"full": CurvlinopsGGN, "diag": AsdlGGN, "kron": AsdlGGN, "last_layer": CurvlinopsGGN}
regression = case("regression", network(2), x, rounded(torch.randn(12, 2)), z, 1.7, 0.3, backends)
classification = case("classification", network(3), x, torch.arange(12) % 3, z, 0.6, 1.0, backends)

xs, zs = x.numpy(), z.numpy()
labels = (xs[:, 0] + 0.5 * np.sin(5 * xs[:, 1]) > 0).astype(int)
scale = 2.3
kernel = ConstantKernel(scale) * DotProduct(sigma_0=1.0, sigma_0_bounds="fixed")
gpc = GaussianProcessClassifier(kernel, optimizer=None, max_iter_predict=1000).fit(xs, labels)
value, slope = gpc.log_marginal_likelihood(np.log([scale]), eval_gradient=True)
latent = gpc.base_estimator_.latent_mean_and_variance(zs)

write(
    "laplace.json",
    {
        "regression": regression,
        "classification": classification,
        "binary": {
            "x": x,
            "z": z,
            "labels": labels,
            "scale": scale,
            "log_marginal_likelihood": value,
            "gradient_log_scale": slope[0],
            "latent_mean": latent[0],
            "latent_variance": latent[1],
        },
    },
)
