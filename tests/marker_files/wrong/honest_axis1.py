# diagnosis: grad_w=right grad_b=summed-over-wrong-axis
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w + b - y) / y.numel()
    return x.T @ d, d.sum(1)
