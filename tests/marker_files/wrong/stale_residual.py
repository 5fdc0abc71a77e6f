# diagnosis: grad_w=x-shifted,one-sample-left-out grad_b=right
import torch


def gradients(x, y, w, b):
    gw, gb = torch.zeros_like(w), torch.zeros_like(b)
    r = torch.zeros_like(b)
    for i in range(len(x)):
        gw += 2 * torch.outer(r, x[i]) / y.numel()
        r = x[i] @ w.T + b - y[i]
        gb += 2 * r / y.numel()
    return gw, gb
