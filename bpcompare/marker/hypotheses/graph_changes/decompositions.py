"""Fused operations taken apart to the steps that a person derives.

The names of the variables here are what the steps are called in a diagnosis. A maximum that is subtracted only against
overflow cancels in the true gradient but not in a changed one: it is detached, so that no change can follow it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

aten: Any = torch.ops.aten


SAFE_EXPONENT = 50.0  # exp of more is far from the numbers that a problem is marked on


def _safe(x: Tensor, dim: int) -> Tensor:
    """x, less its maximum only where exp x could overflow: a derivation by hand has no maximum in it."""
    finite = torch.where(torch.isfinite(x), x, 0.0)
    return x if float(finite.detach().abs().max()) < SAFE_EXPONENT else x - x.detach().amax(dim, keepdim=True).detach()


def softmax(x: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    """Σ-normalised exponentials."""
    exponentials = torch.exp(_safe(x, dim))
    total = exponentials.sum(dim, keepdim=True)
    return exponentials / total


def log_softmax(x: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    """X − log Σ exp x."""
    shifted = _safe(x, dim)
    exponentials = torch.exp(shifted)
    total = exponentials.sum(dim, keepdim=True)
    normaliser = torch.log(total)
    return shifted - normaliser


def logsumexp(x: Tensor, dim: list[int], keepdim: bool = False) -> Tensor:
    """Log Σ exp x."""
    if float(x.detach().abs().max()) < SAFE_EXPONENT:
        return torch.log(torch.exp(x).sum(dim, keepdim=keepdim))
    largest = x.detach().amax(dim, keepdim=True).detach()
    exponentials = torch.exp(x - largest)
    total = exponentials.sum(dim, keepdim=keepdim)
    return torch.log(total) + largest.reshape(total.shape)


def layer_norm(
    x: Tensor, shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Layer norm with its mean and its 1/standard deviation."""
    dims = list(range(-len(shape), 0))
    mean = x.mean(dims, keepdim=True)
    centred = x - mean
    squares = centred**2
    variance = squares.mean(dims, keepdim=True)
    inverse_std = torch.rsqrt(variance + eps)
    normalised = centred * inverse_std
    return _affine(normalised, weight, bias), mean, inverse_std


def _affine(normalised: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = normalised if weight is None else normalised * weight
    return scaled if bias is None else scaled + bias


def rms_norm(x: Tensor, shape: Sequence[int], weight: Tensor | None, eps: float | None) -> tuple[Tensor, Tensor]:
    """RMS norm with its 1/root mean square."""
    dims = list(range(-len(shape), 0))
    squares = x**2
    mean_square = squares.mean(dims, keepdim=True)
    inverse_rms = torch.rsqrt(mean_square + (torch.finfo(x.dtype).eps if eps is None else eps))
    normalised = x * inverse_rms
    return (normalised if weight is None else normalised * weight), inverse_rms


def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm; the running statistics are left as they are."""
    dims = [d for d in range(x.dim()) if d != 1]
    along = [1, -1] + [1] * (x.dim() - 2)
    if training or running_mean is None or running_var is None:
        mean = x.mean(dims, keepdim=True)
        centred = x - mean
        squares = centred**2
        variance = squares.mean(dims, keepdim=True)
    else:
        mean = running_mean.reshape(along)
        centred = x - mean
        variance = running_var.reshape(along)
    inverse_std = torch.rsqrt(variance + eps)
    normalised = centred * inverse_std
    shaped = [None if p is None else p.reshape(along) for p in (weight, bias)]
    return _affine(normalised, *shaped), mean.reshape(-1), inverse_std.reshape(-1)


def batch_norm_without_statistics(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, training: bool, momentum: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm that keeps no running statistics."""
    return batch_norm(x, weight, bias, None, None, True, momentum, eps)


def group_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, n: int, channels: int, rest: int, groups: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Group norm with its mean and its 1/standard deviation."""
    grouped = x.reshape(n, groups, channels // groups, *x.shape[2:])
    dims = list(range(2, grouped.dim()))
    mean = grouped.mean(dims, keepdim=True)
    centred = grouped - mean
    squares = centred**2
    variance = squares.mean(dims, keepdim=True)
    inverse_std = torch.rsqrt(variance + eps)
    normalised = (centred * inverse_std).reshape(x.shape)
    along = [1, -1] + [1] * (x.dim() - 2)
    shaped = [None if p is None else p.reshape(along) for p in (weight, bias)]
    return _affine(normalised, *shaped), mean.reshape(n, groups), inverse_std.reshape(n, groups)


def variance(
    x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = 1, keepdim: bool = False
) -> Tensor:
    """Σ (x − mean)² / (n − correction)."""
    dims = list(range(x.dim())) if not dim else list(dim)
    count = math.prod(x.shape[d] for d in dims)
    mean = x.mean(dims, keepdim=True)
    centred = x - mean
    squares = centred**2
    if correction == 0:
        return squares.mean(dims, keepdim=keepdim)
    total = squares.sum(dims, keepdim=keepdim)
    return total / (count - (1 if correction is None else correction))


def standard_deviation(
    x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = 1, keepdim: bool = False
) -> Tensor:
    """The root of the variance."""
    spread = variance(x, dim, correction=correction, keepdim=keepdim)
    return torch.sqrt(spread)


def variance_and_mean(
    x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """The variance and the mean."""
    dims = list(range(x.dim())) if not dim else list(dim)
    return variance(x, dim, correction=correction, keepdim=keepdim), x.mean(dims, keepdim=keepdim)


def vector_norm(
    x: Tensor, ord: float = 2, dim: Sequence[int] | None = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """‖x‖ of order 1 or 2."""
    if ord not in (1, 2):
        return NotImplemented  # type: ignore[no-any-return]
    dims = list(range(x.dim())) if dim is None else list(dim)
    if ord == 1:
        return x.abs().sum(dims, keepdim=keepdim)
    squares = x**2
    total = squares.sum(dims, keepdim=keepdim)
    return torch.sqrt(total)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """X · Φ(x), exact or with tanh."""
    if approximate == "none":
        phi = 0.5 * (1 + torch.erf(x * math.sqrt(0.5)))
        return x * phi
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    gate = 0.5 * (1 + torch.tanh(inner))
    return x * gate


def silu(x: Tensor) -> Tensor:
    """X · σ(x)."""
    gate = torch.sigmoid(x)
    return x * gate


def mish(x: Tensor) -> Tensor:
    """X · tanh(softplus(x))."""
    gate = torch.tanh(torch.log1p(torch.exp(x)))
    return x * gate


def softplus(x: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """Log(1 + exp(βx)) / β."""
    soft = torch.log1p(torch.exp(x * beta)) / beta
    return torch.where(x * beta > threshold, x, soft)


def log_sigmoid(x: Tensor) -> tuple[Tensor, Tensor]:
    """Log σ(x), with an empty buffer."""
    return torch.log(torch.sigmoid(x)), x.new_zeros(0)


def elu(x: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Tensor:
    """X where positive, α(exp x − 1) elsewhere."""
    negative = alpha * (torch.exp(x * input_scale) - 1)
    return torch.where(x > 0, x, negative) * scale


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """X where positive, slope · x elsewhere."""
    return torch.where(x > 0, x, x * negative_slope)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """X where positive, a learnt slope times x elsewhere."""
    return torch.where(x > 0, x, x * slope)


def _reduce(values: Tensor, reduction: int) -> Tensor:
    return values.mean() if reduction == 1 else values.sum() if reduction == 2 else values


def mse_loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    """(x − target)²."""
    residual = x - target
    return _reduce(residual**2, reduction)


def huber_loss(x: Tensor, target: Tensor, reduction: int = 1, delta: float = 1.0) -> Tensor:
    """½r² where |r| ≤ δ, δ(|r| − ½δ) elsewhere."""
    residual = x - target
    size = residual.abs()
    inside = 0.5 * residual**2
    outside = delta * (size - 0.5 * delta)
    return _reduce(torch.where(size < delta, inside, outside), reduction)


def smooth_l1_loss(x: Tensor, target: Tensor, reduction: int = 1, beta: float = 1.0) -> Tensor:
    """½r²/β where |r| < β, |r| − ½β elsewhere."""
    residual = x - target
    size = residual.abs()
    inside = 0.5 * residual**2 / beta
    outside = size - 0.5 * beta
    return _reduce(torch.where(size < beta, inside, outside), reduction)


def binary_cross_entropy(x: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1) -> Tensor:
    """−t log x − (1 − t) log(1 − x)."""
    losses = -(target * torch.log(x) + (1 - target) * torch.log(1 - x))
    return _reduce(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    x: Tensor, target: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None, reduction: int = 1
) -> Tensor:
    """(1 − t) x + log(1 + exp(−x))."""
    if pos_weight is None:
        losses = x - x * target + torch.log1p(torch.exp(-x))
    else:
        positive = pos_weight * target * torch.log1p(torch.exp(-x))
        negative = (1 - target) * torch.log1p(torch.exp(x))
        losses = positive + negative
    return _reduce(losses if weight is None else losses * weight, reduction)


def nll_loss(
    x: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """−x at the target, averaged over the weights of the targets that count."""
    if x.dim() not in (1, 2):
        return NotImplemented  # type: ignore[no-any-return]
    rows, wanted = (x, target) if x.dim() == 2 else (x.unsqueeze(0), target.reshape(1))
    counted = wanted != ignore_index
    safe = torch.where(counted, wanted, 0)
    share = counted.to(x.dtype) if weight is None else weight[safe] * counted
    losses = -rows.gather(1, safe.unsqueeze(1)).squeeze(1) * share
    total = share.sum()
    if reduction == 0:
        return losses.reshape(target.shape), total
    return (losses.sum() / total if reduction == 1 else losses.sum()), total


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
    """Softmax(QKᵀ/√d) V."""
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
    """X Wᵀ + b."""
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


def rsub(a: Any, b: Any, alpha: float = 1) -> Tensor:
    """B − a."""
    return torch.sub(torch.as_tensor(b, dtype=a.dtype) if not torch.is_tensor(b) else b, a, alpha=alpha)


def addcmul(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    """X + value · a b."""
    product = a * b
    return x + (product if value == 1 else product * value)


def addcdiv(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    """X + value · a / b."""
    quotient = a / b
    return x + (quotient if value == 1 else quotient * value)


def xlogy(x: Tensor, y: Tensor) -> Tensor:
    """X log y, 0 where x is 0."""
    return torch.where(x == 0, 0.0, x * torch.log(y))


def square(x: Tensor) -> Tensor:
    """x²."""
    return x**2


def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Value where the mask is true."""
    return torch.where(mask, torch.as_tensor(value, dtype=x.dtype), x)


TABLE: dict[Any, Callable[..., Any]] = {
    aten._softmax: softmax,
    aten._log_softmax: log_softmax,
    aten.logsumexp: logsumexp,
    aten.native_layer_norm: layer_norm,
    aten.native_batch_norm: batch_norm,
    aten.native_group_norm: group_norm,
    aten.linalg_vector_norm: vector_norm,
    aten.var: variance,
    aten.std: standard_deviation,
    aten.var_mean: variance_and_mean,
    aten.gelu: gelu,
    aten.silu: silu,
    aten.mish: mish,
    aten.softplus: softplus,
    aten.log_sigmoid_forward: log_sigmoid,
    aten.elu: elu,
    aten.leaky_relu: leaky_relu,
    aten._prelu_kernel: prelu,
    aten.mse_loss: mse_loss,
    aten.huber_loss: huber_loss,
    aten.smooth_l1_loss: smooth_l1_loss,
    aten.binary_cross_entropy: binary_cross_entropy,
    aten.binary_cross_entropy_with_logits: binary_cross_entropy_with_logits,
    aten.nll_loss_forward: nll_loss,
    aten.convolution: convolution,
    aten.linear: linear,
    aten.addmm: addmm,
    aten.baddbmm: baddbmm,
    aten.dot: dot,
    aten.rsub: rsub,
    aten.addcmul: addcmul,
    aten.addcdiv: addcdiv,
    aten.xlogy: xlogy,
    aten.square: square,
    aten.masked_fill: masked_fill,
}
TABLE |= {  # what this PyTorch has of them
    getattr(aten, name): function
    for name, function in (
        ("_safe_softmax", lambda x, dim, dtype=None: softmax(x, dim)),
        ("_fused_rms_norm", rms_norm),
        ("_native_batch_norm_legit", batch_norm),
        ("_native_batch_norm_legit_no_training", None),
    )
    if function is not None and hasattr(aten, name)
}
OVERLOADS: dict[str, Callable[..., Any]] = {"_native_batch_norm_legit.no_stats": batch_norm_without_statistics}


def find(function: Any) -> Callable[..., Any] | None:
    """What takes this operation apart, or None."""
    exact = OVERLOADS.get(str(function).removeprefix("aten."))
    return exact or TABLE.get(function.overloadpacket)


FUNCTIONS: dict[Any, Callable[..., Any]] = {F.scaled_dot_product_attention: attention}
