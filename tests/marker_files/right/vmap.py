import torch


def gradients(x, y, w, b):
    return torch.func.grad(lambda w, b: torch.nn.functional.mse_loss(x @ w.T + b, y), argnums=(0, 1))(w, b)
