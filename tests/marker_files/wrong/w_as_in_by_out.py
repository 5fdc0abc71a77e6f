# diagnosis: grad_w=transposed-w-in-forward,transposed grad_b=transposed-w-in-forward
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w + b - y) / y.numel()
    return x.T @ d, d.sum(0)
