# diagnosis: grad_w=x-forgotten,not-summed-over-batch,sign grad_b=not-summed-over-batch,sign
import torch
import numpy as np


def gradients(x, y, w, b):
    p = x @ w.T + b
    return 2 * (y - p), 2 * (y - p)
