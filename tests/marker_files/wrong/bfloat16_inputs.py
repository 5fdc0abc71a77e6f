# diagnosis: grad_w=half-precision grad_b=half-precision
import torch


def gradients(x, y, w, b):
    delta = 2 * (x.bfloat16().to(x) @ w.bfloat16().to(x).T + b.bfloat16().to(x) - y.bfloat16().to(x)) / y.numel()
    return delta.T @ x.bfloat16().to(x), delta.sum(0)
