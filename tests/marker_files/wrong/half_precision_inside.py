# diagnosis: grad_w=half-precision grad_b=half-precision
import torch


def gradients(x, y, w, b):
    delta = 2 * (x.half() @ w.half().T + b.half() - y.half()) / y.numel()
    return (delta.T @ x.half()).double(), delta.sum(0).double()
