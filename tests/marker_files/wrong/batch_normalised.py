# diagnosis: grad_w=x-standardised grad_b=x-standardised
import torch


def gradients(x, y, w, b):
    x = (x - x.mean(0)) / torch.sqrt(x.var(0, unbiased=False) + 1e-5)
    r = x @ w.T + b - y
    return 2 * r.T @ x / r.numel(), 2 * r.sum(0) / r.numel()
