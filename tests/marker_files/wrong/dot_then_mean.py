# diagnosis: grad_w=summed-to-one-number,summed-not-averaged grad_b=right
import numpy as np
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y)
    return torch.tensor(np.dot(delta.T, x).mean()), delta.mean(0) / b.numel()
