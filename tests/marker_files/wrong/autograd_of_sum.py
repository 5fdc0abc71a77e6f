# diagnosis: grad_w=summed-not-averaged grad_b=summed-not-averaged
import torch
import numpy as np


def gradients(x, y, w, b):
    w = w.clone().requires_grad_()
    b = b.clone().requires_grad_()
    ((x @ w.T + b - y) ** 2).sum().backward()
    return w.grad, b.grad
