# diagnosis: grad_w=summed-to-one-number grad_b=summed-to-one-number
import torch
import numpy as np


def gradients(x, y, w, b):
    x, y, w, b = [a.numpy() for a in (x, y, w, b)]
    r = x.dot(w.T) + b - y
    return np.mean(2 * x * r), np.mean(2 * r)
