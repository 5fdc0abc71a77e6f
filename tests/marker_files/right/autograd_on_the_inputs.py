import torch


def gradients(x, y, w, b):
    w.requires_grad_(), b.requires_grad_()
    return torch.autograd.grad(((x @ w.T + b - y) ** 2).mean(), (w, b))
