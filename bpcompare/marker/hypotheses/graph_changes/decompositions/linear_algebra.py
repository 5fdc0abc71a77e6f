"""Products of matrices, and what is built of them: attention, convolution."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Scaled dot-product attention: softmax(QKᵀ/√d) V."""
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    if attn_mask is not None:
        masked = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if masked else scores + attn_mask
    weights = torch.softmax(scores, -1)
    return weights @ value


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """Windows times weights, for one group in one or two dimensions."""
    flat = weight.dim() == 3
    if transposed or groups != 1 or weight.dim() not in (3, 4):
        return NotImplemented  # type: ignore[no-any-return]
    if flat:
        x = x.unsqueeze(2)
        stride, padding, dilation = [1, *stride], [0, *padding], [1, *dilation]
    kernel = [1, weight.shape[2]] if flat else list(weight.shape[2:])
    windows = F.unfold(x, tuple(kernel), dilation=tuple(dilation), padding=tuple(padding), stride=tuple(stride))
    product = weight.reshape(weight.shape[0], -1) @ windows
    size = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(x.shape[2:], padding, dilation, kernel, stride, strict=True)
    ]
    out = product.reshape(x.shape[0], weight.shape[0], *(size[1:] if flat else size))
    return out if bias is None else out + bias.reshape(1, -1, *[1] * (out.dim() - 2))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer: x Wᵀ + b."""
    product = x @ weight.t()
    return product if bias is None else product + bias


def addmm(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Β bias + α a b."""
    product = a.mm(b)
    scaled = product if alpha == 1 else product * alpha
    return scaled + (bias if beta == 1 else bias * beta)


def baddbmm(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Β bias + α a b, in batches."""
    product = a.bmm(b)
    scaled = product if alpha == 1 else product * alpha
    return scaled if beta == 0 else scaled + (bias if beta == 1 else bias * beta)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Σ a b."""
    product = a * b
    return product.sum()
