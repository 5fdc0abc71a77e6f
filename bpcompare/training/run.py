"""What one way of training did, state by state."""

from dataclasses import dataclass

from torch import Tensor

from bpcompare.training.methods import Method


@dataclass(frozen=True, eq=False)
class Track:
    """The sizes of a network in each of its states.

    Attributes:
        norms: For each parameter's name its Euclidean norm, (states,) float64.
        gradient_norms: The same of ∂L/∂θ over all samples.
        delta_sizes: (states, Linear layers) float64, the root mean square over units and samples of δ = ∂Lᵢ/∂z, Lᵢ
            being the loss of one sample; nan where a layer is of a kind that the recursion does not know.
        fingerprints: One per state; two states with the same have the same parameters, to the bit.
    """

    norms: dict[str, Tensor]
    gradient_norms: dict[str, Tensor]
    delta_sizes: Tensor
    fingerprints: tuple[bytes, ...]


@dataclass(frozen=True, eq=False)
class Run:
    """What one way of training did, in the units that it trained in.

    State k is the model before step k; the last state is what was learned. All states are finite.

    Attributes:
        method: The way.
        all_losses: L(θₖ) over all samples, (steps + 1,) float64.
        parameters: For each parameter's name its values, (steps + 1, *shape).
        gradients: For each parameter's name ∂L/∂θₖ over all samples, (steps + 1, *shape).
        diverged_at: The number of the step that led to an inf or a nan, counted from 1; None if none did.
        track: Of a network, the size of every tensor in each state; ``parameters`` and ``gradients`` then hold the
            last state only, (1, *shape), since all of them would take gigabytes. None for an `nn.Linear`.
    """

    method: Method
    all_losses: Tensor
    parameters: dict[str, Tensor]
    gradients: dict[str, Tensor]
    diverged_at: int | None
    track: Track | None = None

    @property
    def losses(self) -> Tensor:
        """L before each step, (steps,); after the last step of a diverged run there is no state left to have one."""
        return self.all_losses if self.diverged_at else self.all_losses[:-1]

    @property
    def loss(self) -> float:
        """L of what was learned, or of the last finite state of a diverged run."""
        return self.all_losses[-1].item()

    def first(self, states: int) -> "Run":
        """This run with only its first states."""
        return Run(
            self.method,
            self.all_losses[:states],
            {name: values[:states] for name, values in self.parameters.items()},
            {name: values[:states] for name, values in self.gradients.items()},
            self.diverged_at,
        )
