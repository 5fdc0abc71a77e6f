# diagnosis: grad_w=first-output-only grad_b=right
import torch


def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    g = torch.zeros_like(w)
    for o in range(len(b)):
        g[o] = (d[:, 0:1] * x).sum(0)
    return g, d.sum(0)
