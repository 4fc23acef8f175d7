"""Deep Gaussian processes by GPyTorch, the work of bench/deep.ts: a request a line in, a reply a line out.

The model is the one of GPyTorch's own tutorial on deep Gaussian processes (linear means below, a constant one on top,
scaled RBF kernels with a lengthscale a column, Cholesky variational distributions, Adam), in double precision as ours,
with the inducing points, rows a step, draws, steps and learning rate that the request gives.
"""

import json
import math
import os
import sys
import time
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = sys.argv[1]
import torch
import gpytorch
from gpytorch.models.deep_gps import DeepGP, DeepGPLayer

warnings.filterwarnings("ignore")
torch.set_num_threads(int(sys.argv[1]))
torch.set_default_dtype(torch.float64)


class Layer(DeepGPLayer):
    def __init__(self, inducing, outputs):
        inputs = inducing.shape[-1]
        batch = torch.Size([]) if outputs is None else torch.Size([outputs])
        points = inducing if outputs is None else inducing.expand(outputs, -1, -1).clone()
        q = gpytorch.variational.CholeskyVariationalDistribution(inducing.shape[-2], batch_shape=batch)
        strategy = gpytorch.variational.VariationalStrategy(self, points, q, learn_inducing_locations=True)
        super().__init__(strategy, inputs, outputs)
        self.mean_module = gpytorch.means.ConstantMean() if outputs is None else gpytorch.means.LinearMean(inputs)
        self.covar_module = gpytorch.kernels.ScaleKernel(
            gpytorch.kernels.RBFKernel(batch_shape=batch, ard_num_dims=inputs), batch_shape=batch
        )

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


class Deep(DeepGP):
    def __init__(self, inducing):
        super().__init__()
        widths = [z.shape[1] for z in inducing[1:]] + [None]
        self.layers = torch.nn.ModuleList(Layer(z, w) for z, w in zip(inducing, widths))
        self.likelihood = gpytorch.likelihoods.GaussianLikelihood()

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def fit(request, parts):
    torch.manual_seed(request["seed"])
    x, y = torch.tensor(parts["x"]), torch.tensor(parts["y"])
    model = Deep([torch.tensor(z) for z in request["inducing"]])
    bound = gpytorch.mlls.VariationalELBO(model.likelihood, model, len(x))
    target = gpytorch.mlls.DeepApproximateMLL(bound)
    optimizer = torch.optim.Adam(model.parameters(), lr=request["learningRate"])
    size = min(request["batch"], len(x))
    order, at, times = torch.randperm(len(x)), 0, []
    with gpytorch.settings.num_likelihood_samples(request["samples"]):
        for _ in range(request["steps"]):
            if at + size > len(x):
                order, at = torch.randperm(len(x)), 0
            rows = order[at : at + size]
            at += size
            start = time.perf_counter()
            optimizer.zero_grad()
            loss = -target(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            times.append(time.perf_counter() - start)
    times.sort()
    model.eval()
    scores = [0.0, 0.0]
    test, truth = torch.tensor(parts["testX"]), torch.tensor(parts["testY"])
    with torch.no_grad(), gpytorch.settings.num_likelihood_samples(request["draws"]):
        for i in range(0, len(test), 500):
            seen = model.likelihood(model(test[i : i + 500]))
            mean, variance, y = seen.mean, seen.variance, truth[i : i + 500]
            each = -0.5 * (torch.log(2 * math.pi * variance) + (y - mean) ** 2 / variance)
            scores[0] += float(((mean.mean(0) - y) ** 2).sum())
            scores[1] += float((torch.logsumexp(each, 0) - math.log(len(each))).sum())
    return {"ms": 1e3 * times[len(times) // 2], "rmse": math.sqrt(scores[0] / len(test)), "logDensity": scores[1] / len(test)}


for line in sys.stdin:
    request = json.loads(line)
    with open(request["data"]) as f:
        parts = json.load(f)
    print(json.dumps(fit(request, parts)), flush=True)
