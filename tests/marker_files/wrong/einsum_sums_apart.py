# diagnosis: grad_w=mean-before-product grad_b=summed-to-one-number
import torch
import numpy as np


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    return torch.einsum("ni,mo->oi", x, d), torch.einsum("no->", d)
