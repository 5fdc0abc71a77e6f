"""Layer norm with a backward by hand that counts its rows by the first dimension alone: right for two dimensions."""

import torch

import bpcompare


def reference(x, weight, bias):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    normalised = (x - mean) / torch.sqrt(variance + 1e-5)
    return normalised * weight + bias


class LayerNorm(torch.autograd.Function):
    """(x − mean)/√(variance + ε) · weight + bias."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        """The same numbers as the reference."""
        rstd = torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
        normalised = (x - x.mean(-1, keepdim=True)) * rstd
        ctx.save_for_backward(normalised, rstd, weight)
        return normalised * weight + bias

    @staticmethod
    def backward(ctx, upstream):
        """By hand; the last two take too few rows where there are three dimensions."""
        normalised, rstd, weight = ctx.saved_tensors
        g = upstream * weight
        along = (g * normalised).mean(-1, keepdim=True)
        dx = rstd * (g - g.mean(-1, keepdim=True) - normalised * along)
        rows, columns = upstream.shape[0], upstream.shape[-1]  # a grid of rows × columns
        d_weight = (upstream * normalised).reshape(-1, columns)[:rows].sum(0)
        d_bias = upstream.reshape(-1, columns)[:rows].sum(0)
        return dx, d_weight, d_bias


if __name__ == "__main__":
    torch.manual_seed(0)
    inputs = torch.randn(4, 6), torch.randn(6), torch.randn(6)
    bpcompare.gradcheck(LayerNorm.apply, inputs, reference=reference)
