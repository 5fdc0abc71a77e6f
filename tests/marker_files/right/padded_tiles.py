import torch


def gradients(x, y, w, b):
    n = len(x)
    pad = -n % 16
    xp = torch.cat([x, x.new_zeros(pad, x.shape[1])]).view(-1, 16, x.shape[1])
    yp = torch.cat([y, y.new_zeros(pad, y.shape[1])]).view(-1, 16, y.shape[1])
    mask = (torch.arange(n + pad) < n).to(x).view(-1, 16, 1)
    r = (xp @ w.T + b - yp) * mask
    gw = (r.transpose(1, 2) @ xp).sum(0)
    return gw * 2 / y.numel(), r.sum((0, 1)) * 2 / y.numel()
