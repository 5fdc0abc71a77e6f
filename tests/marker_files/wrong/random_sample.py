# diagnosis: grad_w=random-sample grad_b=random-sample
import torch


def gradients(x, y, w, b):
    i = torch.randint(len(x), (1,))
    delta = 2 * (x[i] @ w.T + b - y[i]) / y.shape[1]
    return delta.T @ x[i], delta.sum(0)
