# diagnosis: grad_w=half-precision grad_b=half-precision
import torch


TILE = 8


def gradients(x, y, w, b):
    total_w, total_b = torch.zeros_like(w), torch.zeros_like(b)
    for start in range(0, len(x), TILE):
        tile, target = x[start : start + TILE].half(), y[start : start + TILE].half()
        residual = tile @ w.half().T + b.half() - target
        total_w += (residual.T @ tile).to(x)
        total_b += residual.sum(0).to(x)
    return 2 * total_w / y.numel(), 2 * total_b / y.numel()
