"""Activations; the softmax and its relatives."""

import math

import torch
from torch import Tensor

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
    """The logarithm of the sum of exponentials: log Σ exp x."""
    if float(x.detach().abs().max()) < SAFE_EXPONENT:
        return torch.log(torch.exp(x).sum(dim, keepdim=keepdim))
    largest = x.detach().amax(dim, keepdim=True).detach()
    exponentials = torch.exp(x - largest)
    total = exponentials.sum(dim, keepdim=keepdim)
    return torch.log(total) + largest.reshape(total.shape)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """GELU: x · Φ(x), exact or with tanh."""
    if approximate == "none":
        phi = 0.5 * (1 + torch.erf(x * math.sqrt(0.5)))
        return x * phi
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    gate = 0.5 * (1 + torch.tanh(inner))
    return x * gate


def silu(x: Tensor) -> Tensor:
    """SiLU, or swish: x · σ(x)."""
    gate = torch.sigmoid(x)
    return x * gate


def mish(x: Tensor) -> Tensor:
    """Mish: x · tanh(softplus(x))."""
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
