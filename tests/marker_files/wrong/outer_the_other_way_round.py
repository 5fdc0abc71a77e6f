# diagnosis: grad_w=transposed grad_b=right
import torch


def gradients(x, y, w, b):
    gw, gb = torch.zeros(w.shape[1], w.shape[0], dtype=w.dtype), torch.zeros_like(b)
    for i in range(len(x)):
        r = w @ x[i] + b - y[i]
        gw += 2 * torch.outer(x[i], r) / y.numel()
        gb += 2 * r / y.numel()
    return gw, gb
