# diagnosis: grad_w=activation-in-forward,factor-2-missing,divided-by-N-only grad_b=activation-in-forward,factor-2-missing,divided-by-N-only
import torch
import numpy as np


def gradients(x, y, w, b):
    p = torch.softmax(x @ w.T + b, 1)
    return (p - y).T @ x / len(x), (p - y).mean(0)
