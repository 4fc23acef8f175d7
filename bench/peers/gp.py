"""Gaussian processes by scikit-learn and GPyTorch, the work of bench/gp.ts: a request a line in, a reply a line out.

A request is JSON with "task", "hand" (the peer), "data" (a file), "kernel" ("rbf" or "matern52", ARD) and for fits
"starts", "iterations" (of each start) and "seconds" (for all starts; what is not done by then is cut off, and said).
GPyTorch is driven as BoTorch drives it: scipy's L-BFGS-B over its raw parameters, by exact Cholesky ("gpytorch"), or
with its default of conjugate gradients and Lanczos quadrature beyond 800 points ("gpytorch cg").
"""

import contextlib
import json
import os
import resource
import statistics
import sys
import time
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = sys.argv[1]
import numpy as np
from scipy.optimize import minimize

warnings.filterwarnings("ignore")
loaded = {}


def data(path):
    if path not in loaded:
        with open(path) as f:
            parts = json.load(f)
        loaded[path] = {k: np.array(v) for k, v in parts.items()}
    return loaded[path]


def cut_off(seconds):
    """A callback that ends a search at its time, and whether it did."""
    end = time.perf_counter() + seconds
    state = {"stopped": False}

    def callback(intermediate_result):
        if time.perf_counter() > end:
            state["stopped"] = True
            raise StopIteration

    return callback, state


class Sklearn:
    def __init__(self, d, kernel):
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

        scales = {"length_scale": np.ones(d), "length_scale_bounds": (1e-2, 1e4)}
        shape = RBF(**scales) if kernel == "rbf" else Matern(nu=2.5, **scales)
        self.kernel = ConstantKernel(1.0, (1e-3, 1e4)) * shape + WhiteKernel(0.1, (1e-6, 10))

    def evidence(self, x, y):
        from sklearn.gaussian_process import GaussianProcessRegressor

        # The kernel's parameters are set by a "fit" without an optimiser, which factors once more: outside the clock.
        if getattr(self, "at", None) is not x:
            self.at, self.model = x, GaussianProcessRegressor(self.kernel, optimizer=None).fit(x, y)
        start = time.perf_counter()
        value, _ = self.model.log_marginal_likelihood(self.model.kernel_.theta, eval_gradient=True)
        return time.perf_counter() - start, value

    def fit(self, x, y, starts, iterations, seconds):
        from sklearn.gaussian_process import GaussianProcessRegressor

        count, stopped = [0], [False]

        def search(objective, theta, bounds):
            def counted(t):
                count[0] += 1
                return objective(t)

            callback, state = cut_off(seconds / starts)
            options = {"maxiter": iterations}
            found = minimize(counted, theta, jac=True, method="L-BFGS-B", bounds=bounds, options=options, callback=callback)
            stopped[0] |= state["stopped"]
            return found.x, found.fun

        self.fitted = GaussianProcessRegressor(self.kernel, optimizer=search, n_restarts_optimizer=starts - 1, random_state=0)
        self.fitted.fit(x, y)
        return self.fitted.log_marginal_likelihood_value_, count[0], stopped[0]

    def predict(self, x):
        mean, sd = self.fitted.predict(x, return_std=True)
        return mean, sd**2


class Gpytorch:
    def __init__(self, d, kernel, exact):
        import gpytorch
        import torch

        torch.set_num_threads(int(sys.argv[1]))
        torch.set_default_dtype(torch.float64)
        torch.manual_seed(0)
        self.g, self.torch, self.kernel, self.exact = gpytorch, torch, kernel, exact

    def build(self, x, y):
        g, torch, d, kernel = self.g, self.torch, x.shape[1], self.kernel

        class Model(g.models.ExactGP):
            def __init__(self, x, y, likelihood):
                super().__init__(x, y, likelihood)
                self.mean_module = g.means.ConstantMean()
                base = g.kernels.RBFKernel(ard_num_dims=d) if kernel == "rbf" else g.kernels.MaternKernel(2.5, ard_num_dims=d)
                self.covar_module = g.kernels.ScaleKernel(base)

            def forward(self, x):
                return g.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))

        # The default floor of 1e-4 would bind on clean data.
        likelihood = g.likelihoods.GaussianLikelihood(noise_constraint=g.constraints.GreaterThan(1e-6))
        model = Model(torch.from_numpy(x), torch.from_numpy(y), likelihood)
        model.covar_module.outputscale = 1.0
        model.covar_module.base_kernel.lengthscale = 1.0
        likelihood.noise = 0.1
        model.train()
        return model

    @contextlib.contextmanager
    def settings(self):
        s = self.g.settings
        if not self.exact:
            yield
            return
        with s.fast_computations(covar_root_decomposition=False, log_prob=False, solves=False), s.max_cholesky_size(10**6):
            yield

    def loss(self, model):
        mll = self.g.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
        value = mll(model(model.train_inputs[0]), model.train_targets) * len(model.train_targets)
        model.zero_grad()
        value.backward()
        return value.item()

    def evidence(self, x, y):
        if getattr(self, "at", None) is not x:
            self.at, self.model = x, self.build(x, y)
        with self.settings():
            start = time.perf_counter()
            value = self.loss(self.model)
            return time.perf_counter() - start, value

    def fit(self, x, y, starts, iterations, seconds):
        torch = self.torch
        best, count, stopped = (np.inf, None), [0], False
        with self.settings():
            for start in range(starts):
                model = self.build(x, y)
                parameters = list(model.parameters())
                begin = torch.nn.utils.parameters_to_vector(parameters).detach().numpy().copy()
                # Raw parameters are softplus'd: unit normal steps move them by a factor of about 2.
                if start > 0:
                    begin += torch.randn(len(begin)).numpy()

                def objective(raw):
                    count[0] += 1
                    torch.nn.utils.vector_to_parameters(torch.from_numpy(raw.copy()), parameters)
                    try:
                        value = self.loss(model)
                    except Exception as error:
                        if "positive definite" not in str(error) and "PSD" not in type(error).__name__:
                            raise
                        return np.inf, np.zeros_like(raw)
                    return -value, -np.concatenate([p.grad.reshape(-1).numpy() for p in parameters])

                callback, state = cut_off(seconds / starts)
                options = {"maxiter": iterations}
                found = minimize(objective, begin, jac=True, method="L-BFGS-B", options=options, callback=callback)
                stopped |= state["stopped"]
                if found.fun < best[0]:
                    torch.nn.utils.vector_to_parameters(torch.from_numpy(found.x.copy()), parameters)
                    best = (found.fun, model)
        self.fitted = best[1]
        return -best[0], count[0], stopped

    def predict(self, x):
        self.fitted.eval()
        self.fitted.likelihood.eval()
        with self.settings(), self.torch.no_grad():
            out = self.fitted.likelihood(self.fitted(self.torch.from_numpy(x)))
            return out.mean.numpy(), out.variance.numpy()


peers = {}


def peer(name, d, kernel):
    if (name, d, kernel) not in peers:
        made = Sklearn(d, kernel) if name == "scikit-learn" else Gpytorch(d, kernel, name == "gpytorch")
        peers[name, d, kernel] = made
    return peers[name, d, kernel]


for line in sys.stdin:
    request = json.loads(line)
    parts = data(request["data"])
    hand = peer(request["hand"], parts["x"].shape[1], request["kernel"])
    if request["task"] == "evidence":
        # The first warms up, except where it takes seconds.
        runs = [hand.evidence(parts["x"], parts["y"])]
        if request["repeats"] > 1 or runs[0][0] < 5:
            runs = [hand.evidence(parts["x"], parts["y"]) for _ in range(request["repeats"])]
        reply = {"ms": statistics.median(seconds for seconds, _ in runs) * 1e3, "value": float(runs[0][1])}
    else:
        start = time.perf_counter()
        value, evaluations, stopped = hand.fit(parts["x"], parts["y"], request["starts"], request["iterations"], request["seconds"])
        reply = {"ms": (time.perf_counter() - start) * 1e3, "value": float(value), "evaluations": evaluations, "stopped": stopped}
        if "testX" in parts:
            mean, variance = hand.predict(parts["testX"])
            square = (mean - parts["testY"]) ** 2
            reply["rmse"] = float(np.sqrt(square.mean()))
            reply["nlpd"] = float((0.5 * np.log(2 * np.pi * variance) + 0.5 * square / variance).mean())
        reply["ms"] = (time.perf_counter() - start) * 1e3
        reply["peakMb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(reply), flush=True)
