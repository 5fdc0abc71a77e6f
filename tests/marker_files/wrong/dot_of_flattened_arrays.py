# diagnosis: grad_w=summed-to-one-number grad_b=summed-to-one-number
import torch
import numpy as np


def gradients(x, y, w, b):
    r = (x @ w.T + b - y).flatten()
    x = x.flatten()
    return 2 * torch.dot(x, r) / len(x), 2 * r.mean()
