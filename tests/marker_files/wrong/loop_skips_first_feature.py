# diagnosis: grad_w=feature-left-out grad_b=right
import torch
def gradients(x, y, w, b):
    d = 2 * (x @ w.T + b - y) / y.numel()
    g = torch.zeros_like(w)
    for o in range(w.shape[0]):
        for i in range(1, w.shape[1]):
            g[o, i] = (d[:, o] * x[:, i]).sum()
    return g, d.sum(0)
