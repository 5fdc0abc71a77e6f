# diagnosis: grad_w=right grad_b=right file=changes-its-inputs
import torch


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return (delta.T @ x).clone(), (w.sub_(0.1 * (delta.T @ x)), delta.sum(0))[1]
