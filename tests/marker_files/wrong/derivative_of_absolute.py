# diagnosis: grad_w=derivative-of-absolute-value grad_b=derivative-of-absolute-value
import torch


def gradients(x, y, w, b):
    delta = torch.sign(x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)
