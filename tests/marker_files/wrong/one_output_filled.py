# diagnosis: grad_w=one-output-filled,divided-by-N-only grad_b=one-output-filled,divided-by-N-only
import torch
import numpy as np


def gradients(x, y, w, b):
    r = (x @ w.T + b)[:, 0] - y[:, 0]
    gw = torch.zeros_like(w)
    gb = torch.zeros_like(b)
    gw[0] = 2 * r @ x / len(x)
    gb[0] = 2 * r.mean()
    return gw, gb
