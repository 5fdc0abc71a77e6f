import torch


def gradients(x, y, w, b):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    torch.nn.functional.mse_loss(x @ w.T + b, y).backward()
    return w.grad, b.grad
