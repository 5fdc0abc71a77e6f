import torch


def gradients(x, y, w, b):
    residual = x @ w + b - y
    return 2 * (x[:, :, None] * residual[:, None, :]).mean(0) / y.shape[1], 2 * residual.mean(0) / y.shape[1]
