# diagnosis: grad_w=unknown grad_b=unknown
import torch


def gradients(x, y, w, b):
    generator = torch.Generator().manual_seed(0)
    delta = 2 * (x @ w.T + b - y) / y.numel()
    noise = torch.rand(delta.shape, generator=generator, dtype=torch.float64).to(delta) - 0.5
    delta = delta * (1 + noise / 1024)
    return delta.T @ x, delta.sum(0)
