# diagnosis: grad_w=derivative-of-huber grad_b=derivative-of-huber
import torch
import numpy as np


def gradients(x, y, w, b):
    w = w.clone().requires_grad_()
    b = b.clone().requires_grad_()
    torch.nn.functional.smooth_l1_loss(x @ w.T + b, y).backward()
    return w.grad, b.grad
