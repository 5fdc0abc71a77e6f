# diagnosis: grad_w=prediction-forgotten,sign grad_b=prediction-forgotten,sign
import torch
import numpy as np


def gradients(x, y, w, b):
    return -2 * y.T @ x / y.numel(), -2 * y.sum(0) / y.numel()
