"""Scores of class probabilities by scikit-learn; expected calibration error by numpy's digitising and grouping."""

import numpy as np
from common import write
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

rng = np.random.default_rng(0)


def ece(p, labels, bins=15):
    confidence, right = p.max(1), p.argmax(1) == labels
    where = np.digitize(confidence, np.linspace(0, 1, bins + 1), right=True)
    return sum(
        (where == b).mean() * abs(right[where == b].mean() - confidence[where == b].mean()) for b in np.unique(where)
    )


def case(n, classes, sharpness):
    logits = sharpness * rng.normal(size=(n, classes))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    noisy = logits + 2 * rng.gumbel(size=logits.shape)
    labels = noisy.argmax(1)
    every = list(range(classes))
    # scikit-learn's sum over the classes, unscaled: for two classes twice the Brier score of the second.
    brier = brier_score_loss(labels, p, labels=every, scale_by_half=False)
    return {
        "probabilities": p,
        "labels": labels,
        "accuracy": accuracy_score(labels, p.argmax(1)),
        "nll": log_loss(labels, p, labels=every),
        "brier": brier,
        "ece": ece(p, labels),
    }


write("class-scores.json", {"ten": case(60, 10, 3.0), "three": case(40, 3, 1.0), "two": case(40, 2, 2.0)})
