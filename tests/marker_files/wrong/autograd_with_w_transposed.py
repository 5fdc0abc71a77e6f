# diagnosis: grad_w=transposed grad_b=right
import torch
import numpy as np


def gradients(x, y, w, b):
    m = torch.nn.Linear(w.shape[1], w.shape[0]).to(x.dtype)
    m.weight.data = w.clone()
    m.bias.data = b.clone()
    torch.nn.functional.mse_loss(m(x), y).backward()
    return m.weight.grad.T, m.bias.grad
