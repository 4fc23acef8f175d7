"""Gaussian processes for many rows by GPyTorch, the work of bench/gp-large.ts: a request a line in, a reply a line out.

Three models as GPyTorch's own examples write them, in double precision as ours: SGPR (InducingPointKernel, here with
scipy's L-BFGS-B as in gp.py), SVGP (whitened, natural gradients for the variational part and Adam for the rest) and
exact inference by conjugate gradients (pivoted Cholesky preconditioner, stochastic Lanczos quadrature, Adam; predictive
variances by Lanczos, LOVE). Inducing points, starting parameters, steps, rates and tolerances are the request's.
"""

import json
import math
import os
import resource
import sys
import time
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = sys.argv[1]
import numpy as np
import torch
import gpytorch
from gpytorch import settings
from scipy.optimize import minimize

warnings.filterwarnings("ignore")
torch.set_num_threads(int(sys.argv[1]))
torch.set_default_dtype(torch.float64)


def parts(request):
    values, at = torch.from_numpy(np.fromfile(request["data"])), 0
    n, tested, d, m = (request[k] for k in ("rows", "tested", "columns", "inducing"))
    for rows, columns in ((n, d), (n, 1), (tested, d), (tested, 1), (m, d)):
        part = values[at : at + rows * columns]
        at += rows * columns
        yield part.reshape(rows, columns) if columns > 1 else part


def begun(request):
    """Kernel, mean and likelihood at the request's start."""
    start = request["start"]
    kernel = gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel(ard_num_dims=request["columns"]))
    kernel.base_kernel.lengthscale = torch.tensor(start["lengthscale"])
    kernel.outputscale = start["variance"]
    mean = gpytorch.means.ConstantMean()
    mean.constant.data.fill_(start["mean"])
    # The default floor of 1e-4 would bind on clean data.
    likelihood = gpytorch.likelihoods.GaussianLikelihood(noise_constraint=gpytorch.constraints.GreaterThan(1e-6))
    likelihood.noise = start["noiseVariance"]
    return kernel, mean, likelihood


class Exact(gpytorch.models.ExactGP):
    def __init__(self, x, y, kernel, mean, likelihood):
        super().__init__(x, y, likelihood)
        self.mean_module, self.covar_module = mean, kernel

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


class Variational(gpytorch.models.ApproximateGP):
    def __init__(self, points, kernel, mean):
        q = gpytorch.variational.NaturalVariationalDistribution(points.shape[0])
        super().__init__(gpytorch.variational.VariationalStrategy(self, points, q, learn_inducing_locations=True))
        self.mean_module, self.covar_module = mean, kernel

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


def falling(optimizer, steps):
    """The learning rate falls to a tenth by the last step."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.1 ** (step / max(1, steps - 1)))


def scored(model, likelihood, x, y):
    with torch.no_grad():
        seen = likelihood(model(x))
        mean, variance = seen.mean, seen.variance
        square = (mean - y) ** 2
        nlpd = (0.5 * torch.log(2 * math.pi * variance) + 0.5 * square / variance).mean()
        return {"rmse": float(square.mean().sqrt()), "nlpd": float(nlpd)}


def sgpr(request):
    x, y, test_x, test_y, points = parts(request)
    kernel, mean, likelihood = begun(request)
    model = Exact(x, y, gpytorch.kernels.InducingPointKernel(kernel, points.clone(), likelihood), mean, likelihood)
    mll = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    parameters = list(model.parameters())
    count = [0]

    def objective(raw):
        torch.nn.utils.vector_to_parameters(torch.from_numpy(raw.copy()), parameters)
        model.zero_grad()
        loss = -mll(model(x), y) * len(y)
        loss.backward()
        return loss.item(), np.concatenate([p.grad.reshape(-1).numpy() for p in parameters])

    def step(intermediate_result):
        count[0] += 1

    origin = torch.nn.utils.parameters_to_vector(parameters).detach().numpy().copy()
    start = time.perf_counter()
    options = {"maxiter": request["steps"], "maxcor": 20}
    found = minimize(objective, origin, jac=True, method="L-BFGS-B", options=options, callback=step)
    taken = time.perf_counter() - start
    torch.nn.utils.vector_to_parameters(torch.from_numpy(found.x.copy()), parameters)
    model.eval()
    scores = scored(model, likelihood, test_x, test_y)
    return {"ms": 1e3 * taken / count[0], "value": -float(found.fun), **scores}


def svgp(request):
    x, y, test_x, test_y, points = parts(request)
    kernel, mean, likelihood = begun(request)
    model = Variational(points.clone(), kernel, mean)
    mll = gpytorch.mlls.VariationalELBO(likelihood, model, len(y))
    natural = gpytorch.optim.NGD(model.variational_parameters(), num_data=len(y), lr=request["naturalRate"])
    others = [{"params": model.hyperparameters()}, {"params": likelihood.parameters()}]
    adam = torch.optim.Adam(others, lr=request["learningRate"])
    schedule = falling(adam, request["steps"])
    size, order, at, times = min(request["batch"], len(y)), torch.randperm(len(y)), 0, []
    for _ in range(request["steps"]):
        if at + size > len(y):
            order, at = torch.randperm(len(y)), 0
        rows = order[at : at + size]
        at += size
        start = time.perf_counter()
        natural.zero_grad()
        adam.zero_grad()
        loss = -mll(model(x[rows]), y[rows])
        loss.backward()
        natural.step()
        adam.step()
        schedule.step()
        times.append(time.perf_counter() - start)
    model.eval()
    with torch.no_grad():
        likely = sum(
            likelihood.expected_log_prob(y[i : i + 2048], model(x[i : i + 2048])).sum() for i in range(0, len(y), 2048)
        )
        bound = likely - model.variational_strategy.kl_divergence()
    return {"ms": 1e3 * sorted(times)[len(times) // 2], "value": float(bound), **scored(model, likelihood, test_x, test_y)}


def iterative(request):
    x, y, test_x, test_y, _ = parts(request)
    kernel, mean, likelihood = begun(request)
    model = Exact(x, y, kernel, mean, likelihood)
    mll = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    adam = torch.optim.Adam(model.parameters(), lr=request["learningRate"])
    schedule = falling(adam, request["steps"])
    times, value = [], 0.0
    with (
        settings.cg_tolerance(request["tolerance"]),
        settings.eval_cg_tolerance(request["tolerance"]),
        settings.max_preconditioner_size(request["rank"]),
        settings.num_trace_samples(request["probes"]),
        settings.max_cg_iterations(1000),
        settings.fast_pred_var(),
    ):
        for _ in range(request["steps"]):
            start = time.perf_counter()
            adam.zero_grad()
            loss = -mll(model(x), y)
            loss.backward()
            adam.step()
            schedule.step()
            times.append(time.perf_counter() - start)
            value = -float(loss) * len(y)
        model.eval()
        scores = scored(model, likelihood, test_x, test_y)
    return {"ms": 1e3 * sorted(times)[len(times) // 2], "value": value, **scores}


for line in sys.stdin:
    request = json.loads(line)
    torch.manual_seed(0)
    start = time.perf_counter()
    reply = {"sgpr": sgpr, "svgp": svgp, "iterative": iterative}[request["method"]](request)
    reply["totalMs"] = 1e3 * (time.perf_counter() - start)
    reply["peakMb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(reply), flush=True)
