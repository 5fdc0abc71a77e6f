# diagnosis: grad_w=half-precision grad_b=half-precision
import torch


def gradients(x, y, w, b):
    total_w, total_b = torch.zeros(w.shape, dtype=torch.float16), torch.zeros(b.shape, dtype=torch.float16)
    for i in range(len(x)):
        residual = w @ x[i] + b - y[i]
        total_w += torch.outer(residual, x[i]).half()
        total_b += residual.half()
    return total_w.to(x) * (2 / y.numel()), total_b.to(x) * (2 / y.numel())
