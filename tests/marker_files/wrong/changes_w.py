# diagnosis: grad_w=right grad_b=right file=changes-its-inputs
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w + b - y) / y.numel()
    return (x.T @ delta).clone(), (w.sub_(0.1 * (x.T @ delta)), delta.sum(0))[1]
