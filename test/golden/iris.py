"""scikit-learn's Gaussian process classifier on Fisher's irises: negative log-likelihood on the other half, three splits."""

import warnings

import numpy as np
from sklearn.datasets import load_iris
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from common import write

warnings.filterwarnings("ignore")
x, y = load_iris(return_X_y=True)
scaled = (x - x.mean(0)) / x.std(0)
splits = []
for seed in range(3):
    train, test = train_test_split(np.arange(len(y)), test_size=0.5, random_state=seed, stratify=y)

    def nll(kernel):
        fitted = GaussianProcessClassifier(kernel, random_state=0).fit(scaled[train], y[train])
        return log_loss(y[test], fitted.predict_proba(scaled[test]))

    splits.append(
        {
            "train": train.tolist(),
            "test": test.tolist(),
            "rbf": nll(ConstantKernel(1.0) * RBF(1.0)),
            "ard": nll(ConstantKernel(1.0) * RBF(np.ones(4))),
        }
    )
write("iris.json", {"x": np.round(scaled, 12).tolist(), "y": y.tolist(), "splits": splits})
