# diagnosis: grad_w=x-squared grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w + b - y) / y.numel()
    return (x**2).T @ d, d.sum(0)
