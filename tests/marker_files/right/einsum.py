import torch


def gradients(x, y, w, b):
    residual = torch.einsum("ni,oi->no", x, w) + b - y
    scale = 2 / (y.shape[0] * y.shape[1])
    return scale * torch.einsum("ni,no->oi", x, residual), scale * torch.einsum("no->o", residual)
