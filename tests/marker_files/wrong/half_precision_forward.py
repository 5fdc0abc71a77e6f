# diagnosis: grad_w=half-precision grad_b=half-precision
import torch


def gradients(x, y, w, b):
    prediction = torch.nn.functional.linear(x.bfloat16(), w.bfloat16(), b.bfloat16()).to(x)
    delta = 2 * (prediction - y) / y.numel()
    return delta.T @ x, delta.sum(0)
