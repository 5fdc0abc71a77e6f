import numpy as np


def gradients(x, y, w, b):
    inputs, targets = x.numpy().T, y.numpy().T
    slopes = 2 * (w.numpy() @ inputs + b.numpy()[:, None] - targets) / targets.size
    return slopes @ inputs.T, slopes.sum(axis=1)
