"""Standardised columns, and what was learned on them, back in the user's units."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Scaling:
    """The affine map between the user's units and standardised columns, x = x̄ + s_x·x′ and y = ȳ + s_y·y′.

    Attributes:
        x_mean: x̄ (in,), zero where the model has no bias to carry it.
        x_scale: s_x (in,), above zero.
        y_mean: ȳ (out,).
        y_scale: s_y (out,), above zero.
    """

    x_mean: Tensor
    x_scale: Tensor
    y_mean: Tensor
    y_scale: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, *, centred: bool) -> "Scaling":
        """The map to columns of mean 0 and (population) standard deviation 1; not centred, to columns of mean square 1.

        Args:
            x: Inputs (N, in) float64.
            y: Targets (N, out) float64.
            centred: Whether the means are taken off, as a model with a bias can put them back.

        Example:
            >>> columns = torch.tensor([[1.0], [3.0]])
            >>> scaling = Scaling.of(columns, 5 * columns, centred=True)
            >>> scaling.x_in_training_units(columns).tolist(), scaling.y_scale.tolist()
            ([[-1.0], [1.0]], [5.0])
        """

        def mean_and_scale(columns: Tensor) -> tuple[Tensor, Tensor]:
            mean = columns.mean(0) if centred else torch.zeros_like(columns[0])
            scale = (columns - mean).square().mean(0).sqrt()
            return mean, torch.where(columns.amax(0) > columns.amin(0), scale, 1.0)  # a constant column stays as it is

        return cls(*mean_and_scale(x), *mean_and_scale(y))

    def x_in_training_units(self, x: Tensor) -> Tensor:
        """x′ = (x − x̄) / s_x for inputs (…, in)."""
        return (x - self.x_mean) / self.x_scale

    def y_in_training_units(self, y: Tensor) -> Tensor:
        """y′ = (y − ȳ) / s_y for targets (…, out)."""
        return (y - self.y_mean) / self.y_scale

    def y_in_user_units(self, y: Tensor) -> Tensor:
        """The inverse of `y_in_training_units`, y = ȳ + s_y y′."""
        return self.y_mean + self.y_scale * y

    def parameters_in_user_units(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """W = s_y W′ / s_x and b = ȳ + s_y b′ − W x̄, in float64; leading dimensions (epochs, say) are kept."""
        weight = weight.double() * self.y_scale[:, None] / self.x_scale
        return weight, self.y_mean + self.y_scale * bias.double() - weight @ self.x_mean

    def parameters_in_training_units(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """W′ = s_x W / s_y and b′ = (b − ȳ + W x̄) / s_y, the inverse of `parameters_in_user_units`."""
        weight, bias = weight.double(), bias.double()
        return weight * self.x_scale / self.y_scale[:, None], (bias - self.y_mean + weight @ self.x_mean) / self.y_scale

    def gradients_in_user_units(self, weight_grad: Tensor, bias_grad: Tensor) -> tuple[Tensor, Tensor]:
        """The same gradients by the chain rule, ∂L/∂W = s_y (s_x ∂L′/∂W′ + x̄ ∂L′/∂b′) and ∂L/∂b = s_y ∂L′/∂b′."""
        weight_grad, bias_grad = weight_grad.double(), bias_grad.double()
        outer = bias_grad[..., None] * self.x_mean
        return self.y_scale[:, None] * (self.x_scale * weight_grad + outer), self.y_scale * bias_grad
