# diagnosis: grad_w=unknown grad_b=unknown
import torch


def gradients(x, y, w, b):
    scale = x.abs().max() / 127
    x = torch.round(x / scale) * scale
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)
