# diagnosis: grad_w=transposed-w-in-forward grad_b=transposed-w-in-forward
import torch
def gradients(x, y, w, b):
    d = 2 * (x @ w.reshape(w.shape[1], w.shape[0]) + b - y) / y.numel()
    return d.T @ x, d.sum(0)
