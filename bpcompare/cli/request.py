"""What the user asked for, as one object that nothing changes after the command line has been read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bpcompare.training.settings import TrainingSettings

# How a result is waited for, shown and kept: none of it changes a number.
NOT_SETTINGS = ("out", "format", "dpi", "style", "explain", "report", "quiet", "timeout", "verify", "merge", "lang")


class Request:
    """The options of a command, every default put in: ``request.lr``, ``request.csv``; read only.

    Example:
        >>> request = Request({"lr": 0.1, "csv": None, "quiet": True})
        >>> request.lr, request.but(lr=0.5).lr, request.settings
        (0.1, 0.5, {'lr': 0.1})
        >>> request.lr = 1
        Traceback (most recent call last):
        ...
        AttributeError: a request cannot be changed; make another: request.but(lr=...)
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.__dict__.update(options)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a request cannot be changed; make another: request.but({name}=...)")

    def but(self, **options: object) -> Request:
        """The same request with other values for some options."""
        return Request({**vars(self), **options})

    @property
    def settings(self) -> dict[str, object]:
        """What was asked for, without what was not given and without what changes no number."""
        return {name: value for name, value in vars(self).items() if value is not None and name not in NOT_SETTINGS}

    @property
    def training(self) -> TrainingSettings:
        """The numbers that every method shares."""
        from bpcompare.training.settings import TrainingSettings

        shuffle = getattr(self, "order", None) != "given"
        device = getattr(self, "device", None) or "cpu"
        return TrainingSettings(self.lr, self.epochs, self.batch_size, self.seed, shuffle, device)


def others_given(options: Mapping[str, Any]) -> list[str]:
    """The options that were given and that say what to calculate, as they are written.

    Example:
        >>> others_given({"lr": 0.1, "noise": 0, "skip_missing": True, "csv": None, "quiet": True})
        ['--lr', '--noise', '--skip-missing']
    """

    def is_given(value: Any) -> bool:
        return value is not None and value is not False and value != ()  # 0 is given, though it is equal to False

    given = (name for name, value in options.items() if is_given(value) and name not in NOT_SETTINGS)
    return [f"--{name.replace('_', '-')}" for name in given]


def request_from(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Request:
    """The request with ``defaults`` for the options that are None, in the order of the command's options.

    Example:
        >>> request_from({"lr": None, "epochs": 3}, {"lr": 0.1, "epochs": 50}).settings
        {'lr': 0.1, 'epochs': 3}
    """
    return Request({name: defaults.get(name) if value is None else value for name, value in given.items()})
