# diagnosis: grad_w=derivative-of-root grad_b=derivative-of-root
import torch
import numpy as np


def gradients(x, y, w, b):
    w = w.clone().requires_grad_()
    b = b.clone().requires_grad_()
    torch.sqrt(torch.nn.functional.mse_loss(x @ w.T + b, y)).backward()
    return w.grad, b.grad
