"""The gradient of a widely watched course, as it was coded there, for several inputs and outputs.

dJ/dw = (1/N) Σ 2x(wx + b − y): the dot product already sums, so that the mean of what it gives averages nothing.
"""

import numpy as np


def gradients(x, y, w, b):
    x, y, w, b = (a.numpy() for a in (x, y, w, b))
    residual = x @ w.T + b - y
    grad_w = np.array([[np.dot(2 * x[:, i], residual[:, o]).mean() for i in range(w.shape[1])] for o in range(len(w))])
    grad_b = (2 * residual).mean(axis=0)
    return grad_w, grad_b
