# diagnosis: grad_w=summed-not-averaged,factor-2-missing grad_b=summed-not-averaged,factor-2-missing
import torch


def gradients(x, y, w, b):
    delta = x @ w.T + b - y
    return delta.T @ x, delta.sum(0)
