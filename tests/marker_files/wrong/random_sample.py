# diagnosis: grad_w=random-sample grad_b=random-sample
import torch


def gradients(x, y, w, b):
    i = torch.randint(len(x), (1,))
    delta = 2 * (x[i] @ w + b - y[i]) / y.shape[1]
    return x[i].T @ delta, delta.sum(0)
