# diagnosis: grad_w=summed-over-features grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    return (d.T @ x).sum(1, keepdim=True).expand_as(w), d.sum(0)
