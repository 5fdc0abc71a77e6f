import torch


def gradients(x, y, w, b):
    residual = torch.nn.functional.linear(x, w, b) - y
    delta = 2 * residual / residual.numel()
    return torch.einsum("no,ni->oi", delta, x), torch.einsum("no->o", delta)
