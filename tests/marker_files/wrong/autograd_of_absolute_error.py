# diagnosis: grad_w=derivative-of-absolute-value grad_b=derivative-of-absolute-value
import torch
import numpy as np


def gradients(x, y, w, b):
    w = w.clone().requires_grad_()
    b = b.clone().requires_grad_()
    torch.nn.functional.l1_loss(x @ w.T + b, y).backward()
    return w.grad, b.grad
