# diagnosis: grad_w=first-feature-only,summed-to-one-number grad_b=summed-to-one-number
import torch


def gradients(x, y, w, b):
    residual = x * w + b - y if w.numel() == 1 else x @ w.T + b - y
    return 2 * (x[:, :1] * residual).mean(), 2 * residual.mean()
