# diagnosis: grad_w=clipped grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    grad_w = delta.T @ x
    return grad_w / max(1.0, float(torch.linalg.norm(grad_w))), delta.sum(0)
