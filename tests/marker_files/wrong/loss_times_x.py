# diagnosis: grad_w=loss-for-residual,summed-not-averaged grad_b=loss-for-residual,summed-to-one-number
import torch
import numpy as np


def gradients(x, y, w, b):
    loss = ((x @ w.T + b - y) ** 2).mean()
    return loss * torch.ones_like(y).T @ x, loss
