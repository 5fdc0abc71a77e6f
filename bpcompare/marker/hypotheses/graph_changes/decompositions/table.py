"""Which of PyTorch's operations is taken apart, and by what."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from bpcompare.marker.hypotheses.graph_changes.decompositions import (
    activations,
    arithmetic,
    linear_algebra,
    losses,
    normalisations,
)

aten: Any = torch.ops.aten


TABLE: dict[Any, Callable[..., Any]] = {
    aten._softmax: activations.softmax,
    aten._log_softmax: activations.log_softmax,
    aten.logsumexp: activations.logsumexp,
    aten.native_layer_norm: normalisations.layer_norm,
    aten.native_batch_norm: normalisations.batch_norm,
    aten.native_group_norm: normalisations.group_norm,
    aten.linalg_vector_norm: normalisations.vector_norm,
    aten.var: normalisations.variance,
    aten.std: normalisations.standard_deviation,
    aten.var_mean: normalisations.variance_and_mean,
    aten.gelu: activations.gelu,
    aten.silu: activations.silu,
    aten.mish: activations.mish,
    aten.softplus: activations.softplus,
    aten.log_sigmoid_forward: activations.log_sigmoid,
    aten.elu: activations.elu,
    aten.leaky_relu: activations.leaky_relu,
    aten._prelu_kernel: activations.prelu,
    aten.mse_loss: losses.mse_loss,
    aten.huber_loss: losses.huber_loss,
    aten.smooth_l1_loss: losses.smooth_l1_loss,
    aten.binary_cross_entropy: losses.binary_cross_entropy,
    aten.binary_cross_entropy_with_logits: losses.binary_cross_entropy_with_logits,
    aten.nll_loss_forward: losses.nll_loss,
    aten.convolution: linear_algebra.convolution,
    aten.linear: linear_algebra.linear,
    aten.addmm: linear_algebra.addmm,
    aten.baddbmm: linear_algebra.baddbmm,
    aten.dot: linear_algebra.dot,
    aten.rsub: arithmetic.rsub,
    aten.addcmul: arithmetic.addcmul,
    aten.addcdiv: arithmetic.addcdiv,
    aten.xlogy: arithmetic.xlogy,
    aten.square: arithmetic.square,
    aten.masked_fill: arithmetic.masked_fill,
}
TABLE |= {  # what this PyTorch has of them
    getattr(aten, name): function
    for name, function in (
        ("_safe_softmax", lambda x, dim, dtype=None: activations.softmax(x, dim)),
        ("_fused_rms_norm", normalisations.rms_norm),
    )
    if hasattr(aten, name)
}
OVERLOADS: dict[str, Callable[..., Any]] = {
    "_native_batch_norm_legit.no_stats": normalisations.batch_norm_without_statistics
}


def takes_apart(function: Any) -> Callable[..., Any] | None:
    """What takes this operation apart, or None."""
    exact = OVERLOADS.get(str(function).removeprefix("aten."))
    return exact or TABLE.get(function.overloadpacket)


FUNCTIONS: dict[Any, Callable[..., Any]] = {F.scaled_dot_product_attention: linear_algebra.attention}
