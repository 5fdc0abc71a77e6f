import torch


def gradients(x, y, w, b):
    ones = torch.ones(len(x), 1, dtype=x.dtype)
    design, theta = torch.cat([x, ones], 1), torch.cat([w.T, b[None]])
    grad = 2 * design.T @ (design @ theta - y) / y.numel()
    return grad[:-1].T, grad[-1]
