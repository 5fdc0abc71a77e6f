import torch


def gradients(x, y, w, b):
    residual = x @ w.T + b - y
    return 2 * (residual[:, :, None] * x[:, None, :]).mean(0) / y.shape[1], 2 * residual.mean(0) / y.shape[1]
