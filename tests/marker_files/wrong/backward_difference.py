# diagnosis: grad_w=finite-difference grad_b=finite-difference
import torch
import numpy as np


def gradients(x, y, w, b):
    def L(w, b):
        return ((x @ w.T + b - y) ** 2).mean()

    h = 1e-2
    gw = torch.zeros_like(w)
    for o in range(w.shape[0]):
        for i in range(w.shape[1]):
            e = torch.zeros_like(w)
            e[o, i] = h
            gw[o, i] = (L(w, b) - L(w - e, b)) / h
    return gw, torch.stack([(L(w, b) - L(w, b - h * torch.eye(len(b)).to(b)[o])) / h for o in range(len(b))])
