"""What a sweep may be of: checked before anything is trained."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bpcompare.errors import InputError, MethodError
from bpcompare.language import _, listed
from bpcompare.problem.problem import Problem, check_problem
from bpcompare.problem.whole_numbers import quoted
from bpcompare.training.methods import Method
from bpcompare.training.updates import RULES


def rates_of(rates: object) -> Tensor:
    """The learning rates, (rates,) float64, rising.

    Raises:
        InputError: They are no numbers.
    """
    try:
        return torch.as_tensor(rates, dtype=torch.float64).reshape(-1).sort().values
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InputError(_("the rates must be numbers; got {rates}", rates=quoted(rates))) from error


def check(problems: Sequence[Problem], methods: Sequence[Method], lr: Tensor) -> None:
    """Refuses what cannot be swept together.

    Raises:
        InputError: There is none of something, a rate cannot be used, or the problems are not of one kind.
        MethodError: A method has no rule that moves many models at once.
    """
    _check_sizes(problems, methods, lr)
    if not all(problem.is_linear for problem in problems):
        raise InputError(_("a sweep trains one nn.Linear at many rates at once; train a network by compare_network"))
    kinds = {(p.in_features, p.out_features, p.has_bias, p.dtype) for p in problems}
    if len(kinds) > 1:
        raise InputError(
            _("all problems of a sweep must be of one shape and precision; got {kinds} kinds", kinds=len(kinds))
        )
    _check_methods(methods)


def _check_sizes(problems: Sequence[Problem], methods: Sequence[Method], lr: Tensor) -> None:
    if not isinstance(problems, Sequence):
        check_problem(problems)
    if not problems or not methods or not len(lr):
        raise InputError(_("a sweep needs at least one problem, one method and one rate; give some of each"))
    for problem in problems:
        check_problem(problem)
    if not bool((lr.isfinite() & (lr > 0)).all()):
        raise InputError(_("every lr must be a finite number above 0; leave the others out"))
    inside = lr.to(problems[0].dtype)
    usable = inside.isfinite() & (inside > 0)
    if not bool(usable.all()):
        wrong, dtype = lr[~usable][0].item(), problems[0].dtype
        raise InputError(
            _(
                "lr {wrong:g} is beyond the range of {dtype}; leave it out or train with float64",
                wrong=wrong,
                dtype=dtype,
            )
        )


def _check_methods(methods: Sequence[Method]) -> None:
    names = [method.name for method in methods]
    for place, method in enumerate(methods):
        if method.name in names[:place]:
            raise InputError(_("method {name!r} is named twice; name it once", name=method.name))
        if method.canonical_update not in RULES:
            raise MethodError(
                _(
                    "{rule} moves one model at a time and cannot be swept; choose a rule that is written by "
                    "hand: {rules}",
                    rule=method.update,
                    rules=listed(RULES),
                )
            )
