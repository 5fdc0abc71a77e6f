# diagnosis: grad_w=rounding-magnified grad_b=rounding-magnified
import torch


def loss(x, y, w, b):
    return ((x @ w.T + b - y) ** 2).mean()


def gradients(x, y, w, b):
    h = 1e-5
    grads = []
    for p in (w, b):
        grad = torch.zeros_like(p)
        for index in range(p.numel()):
            old = p.flatten()[index].item()
            p.view(-1)[index] = old + h
            above = loss(x, y, w, b)
            p.view(-1)[index] = old - h
            below = loss(x, y, w, b)
            p.view(-1)[index] = old
            grad.view(-1)[index] = (above - below) / (2 * h)
        grads.append(grad)
    return grads
