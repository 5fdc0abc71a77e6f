# diagnosis: grad_w=summed-to-one-number,factor-2-missing grad_b=summed-to-one-number,factor-2-missing
import torch
import numpy as np


def gradients(x, y, w, b):
    r = x @ w.T + b - y
    return (x * r).mean(), r.mean()
