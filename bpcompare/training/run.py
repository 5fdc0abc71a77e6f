"""What one method of training did, state by state."""

import dataclasses
from dataclasses import dataclass

from torch import Tensor

from bpcompare import notebook
from bpcompare.language import _, english
from bpcompare.training.methods import Method
from bpcompare.training.settings import TrainingSettings


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """What one method of training did, in the units that it trained in.

    State k is the model before step k (with batches: before epoch k); the last state is what was learned. All states
    are finite.

    Attributes:
        method: The method.
        settings: The learning rate and all other numbers that it was trained with.
        losses: L(θₖ) over all samples of every state, the last one included, (states,) float64.
        parameters: For each parameter's name its values, ``(states, *shape)``.
        gradients: For each parameter's name ∂L/∂θₖ over all samples, ``(states, *shape)``.
        diverged_at: The number of the step that led to an inf or a nan, counted from 1; None if none did.
    """

    method: Method
    settings: TrainingSettings
    losses: Tensor
    parameters: dict[str, Tensor]
    gradients: dict[str, Tensor]
    diverged_at: int | None

    @property
    def loss(self) -> float:
        """L of what was learned, or of the last finite state of a diverged run."""
        return self.losses[-1].item()

    def first(self, states: int) -> "Run":
        """This run with only its first states."""
        return dataclasses.replace(
            self,
            losses=self.losses[:states],
            parameters={name: values[:states] for name, values in self.parameters.items()},
            gradients={name: values[:states] for name, values in self.gradients.items()},
        )

    def __repr__(self) -> str:
        return f"<{english(self._caption())}>"

    def _caption(self) -> str:
        name = f"{type(self).__name__} {self.method.name}"
        states, lr, step = len(self.losses), self.settings.lr, self.diverged_at
        if step:
            return _("{name}: {n} states, lr {lr:g}, diverged at step {step}", name=name, n=states, lr=lr, step=step)
        return _("{name}: {n} states, lr {lr:g}, loss {loss:.6g}", name=name, n=states, lr=lr, loss=self.loss)

    def _repr_html_(self) -> str:
        """What a notebook shows: the size of each parameter that was learned and of its gradient."""
        rows = [
            [name, tuple(states.shape[1:]), states[-1].double().norm().item(), grads[-1].double().norm().item()]
            for (name, states), grads in zip(self.parameters.items(), self.gradients.values(), strict=True)
        ]
        head = [_("parameter"), _("shape"), _("norm"), _("norm of its gradient")]
        return notebook.table(self._caption(), head, rows)


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

    def __repr__(self) -> str:
        states, layers = self.delta_sizes.shape
        return f"<Track: {states} states of {len(self.norms)} parameters in {layers} Linear layers>"


@dataclass(frozen=True, eq=False, repr=False)
class NetworkRun(Run):
    """A run of a network: the sizes of every state, and the numbers of the last one only.

    Attributes:
        track: The size of every tensor in each state. ``parameters`` and ``gradients`` hold the last state only,
            (1, *shape), since all of them would take gigabytes.
    """

    track: Track
