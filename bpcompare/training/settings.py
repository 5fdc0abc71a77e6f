"""How to train: learning rate, epochs, batches and their order, checked once."""

import math
from dataclasses import dataclass, fields

from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem.device_names import check_name
from bpcompare.problem.whole_numbers import is_truth_value, quoted, seed_number, whole_number
from bpcompare.training.defaults import EPOCHS, LARGEST_LR, LR, SEED


@dataclass(frozen=True)
class TrainingSettings:
    """The numbers that every method of a comparison shares.

    Attributes:
        lr: The learning rate η, above 0 and at most 1e38.
        epochs: Passes over the samples, from 1 to 2⁶³ − 1.
        batch_size: Samples per step, from 1 (per-sample training) to N; None for all of them, in their own order.
        seed: Random seed for the sample order, from −2⁶³ to 2⁶⁴ − 1.
        shuffle: Whether batches take the samples in a new order in every epoch, or in their own.
        device: Where to train: cpu, cuda, cuda:N, mps or auto; of a run, where it was trained.

    Raises:
        InputError: A number is out of its range, or no device is called so.

    Example:
        >>> TrainingSettings(lr=0.5, epochs=300)
        TrainingSettings(lr=0.5, epochs=300, batch_size=None, seed=0, shuffle=True)
    """

    lr: float = LR
    epochs: int = EPOCHS
    batch_size: int | None = None
    seed: int = SEED
    shuffle: bool = True
    device: str = "cpu"

    def __post_init__(self) -> None:
        checked = {
            "lr": _rate(self.lr),
            "epochs": whole_number("epochs", self.epochs),
            "seed": seed_number(self.seed),
            "device": check_name(self.device),
        }
        if self.batch_size is not None:
            checked["batch_size"] = whole_number("batch_size", self.batch_size)
        if not isinstance(self.shuffle, bool):
            raise InputError(_("shuffle must be True or False; got {shuffle}", shuffle=quoted(self.shuffle)))
        for name, value in checked.items():  # NumPy's numbers become Python's
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        told = [field.name for field in fields(self) if field.name != "device" or self.device != "cpu"]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in told)})"

    def check_samples(self, samples: int) -> None:
        """Refuses a batch that is larger than the data.

        Raises:
            InputError: There are fewer than ``batch_size`` samples.
        """
        if self.batch_size is not None and self.batch_size > samples:
            raise InputError(
                _(
                    "batch_size must be from 1 to the number of samples, {samples}; got {batch_size}",
                    samples=samples,
                    batch_size=self.batch_size,
                )
            )


def _rate(value: object) -> float:
    try:
        rate = math.nan if isinstance(value, str | bytes) or is_truth_value(value) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, RuntimeError):
        rate = math.nan
    if not 0 < rate <= LARGEST_LR:
        raise InputError(
            _(
                "lr must be a finite number above 0, at most {largest_lr:g}; got {value}",
                largest_lr=LARGEST_LR,
                value=quoted(value),
            )
        )
    return rate


DEFAULTS = TrainingSettings()
