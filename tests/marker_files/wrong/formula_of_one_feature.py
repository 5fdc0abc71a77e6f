# diagnosis: grad_w=first-entry-only grad_b=first-entry-only
import torch
import numpy as np


def gradients(x, y, w, b):
    r = (x @ w.T + b - y)[:, 0]
    return 2 * (x[:, 0] * r).mean(), 2 * r.mean()
