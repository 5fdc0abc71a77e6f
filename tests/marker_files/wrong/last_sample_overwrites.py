# diagnosis: grad_w=one-sample-only grad_b=right
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    grad_w = torch.zeros_like(w)
    for i in range(len(x)):
        for j in range(w.shape[1]):
            for o in range(w.shape[0]):
                grad_w[o, j] = x[i, j] * delta[i, o]
    return grad_w, delta.sum(0)
