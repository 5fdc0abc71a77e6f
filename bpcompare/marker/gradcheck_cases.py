"""The problems that a backward is tried on: drawn, resized, laid out in other ways in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

PROBLEMS = 6
PRIMES = ((3, 5, 7, 11, 13, 2), (7, 2, 11, 3, 5, 13), (5, 13, 3, 2, 17, 7))
LARGE = 257  # one more than a block of 256
MOST_NUMBERS = 2_000_000
Inputs = Sequence[Any] | Callable[[int], Sequence[Any]]


@dataclass(frozen=True, eq=False)
class Case:
    """Arguments to call the function with.

    Attributes:
        arguments: In float64.
        label: What is special about them, or the empty text.
        optional: Whether the function may refuse them: the shapes are not the user's own.
    """

    arguments: tuple[Any, ...]
    label: str = ""
    optional: bool = False


def cases(inputs: Inputs, generator: torch.Generator, ranks: bool) -> Iterator[Case]:
    """The user's problems, and where only one was given, others of other sizes and, if asked for, of other ranks."""
    if callable(inputs):
        for k in range(PROBLEMS):
            given = inputs(k)
            yield Case(_double(given if isinstance(given, (tuple, list)) else (given,)))
        return
    base = _double(inputs if isinstance(inputs, (tuple, list)) else (inputs,))
    yield Case(base)
    yield Case(_drawn_again(base, {}, generator), "other numbers")
    lengths = list(dict.fromkeys(n for v in base if isinstance(v, Tensor) for n in v.shape if n > 1))
    for primes in PRIMES:
        if lengths:
            renamed = dict(zip(lengths, primes, strict=False))
            yield Case(_drawn_again(base, renamed, generator), "other sizes", True)
    for length in lengths:
        yield Case(_drawn_again(base, {length: 1}, generator), f"1 in the place of the size {length}", True)
    if lengths and sum(v.numel() for v in base if isinstance(v, Tensor)) / lengths[0] * LARGE < MOST_NUMBERS:
        yield Case(_drawn_again(base, {lengths[0]: LARGE}, generator), f"size {LARGE}", True)
    if ranks:
        yield from _ranks(base, generator)


def _ranks(base: tuple[Any, ...], generator: torch.Generator) -> Iterator[Case]:
    """A dimension more in front of the first argument, and of all that begin with the same size."""
    first = base[0]
    if not isinstance(first, Tensor) or not first.dim() or not first.is_floating_point():
        return
    for extra in ((2,), (3, 2)):
        if first.dim() + len(extra) > 4:
            continue
        for together in (False, True):
            grown = []
            for position, value in enumerate(base):
                alike = isinstance(value, Tensor) and value.dim() == first.dim() and value.is_floating_point()
                if position == 0 or (together and alike):
                    value = value.expand(*extra, *value.shape).clone()
                grown.append(value)
            label = f"{first.dim() + len(extra)} dimensions"
            yield Case(_drawn_again(tuple(grown), {}, generator), label, True)


def _double(arguments: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(
        value.detach().double() if isinstance(value, Tensor) and value.is_floating_point() else value
        for value in arguments
    )


def _drawn_again(arguments: Sequence[Any], lengths: dict[int, int], generator: torch.Generator) -> tuple[Any, ...]:
    """New numbers of the same kind – the old ones in another order, moved a little – in other sizes."""
    drawn = []
    for value in arguments:
        if not isinstance(value, Tensor):
            drawn.append(value)
            continue
        shape = [lengths.get(length, length) for length in value.shape]
        if not value.numel() or (not value.is_floating_point() and shape == list(value.shape)):
            drawn.append(value.clone())
            continue
        count = torch.Size(shape).numel()
        again = value.reshape(-1)[torch.randint(0, value.numel(), (count,), generator=generator)].reshape(shape)
        if again.is_floating_point():
            again = again * (1 + 0.2 * torch.rand(shape, generator=generator, dtype=torch.float64))
        drawn.append(again)
    return tuple(drawn)


def upstream_for(outputs: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """A gradient for each output; never all ones, which cancel in norms."""
    return [torch.randn(o.shape, generator=generator, dtype=torch.float64) for o in outputs]


def not_contiguous(leaf: Tensor) -> Tensor:
    """The same numbers, every second place of a larger tensor."""
    if not leaf.dim():
        return leaf
    spaced = torch.zeros((*leaf.shape, 2), dtype=leaf.dtype, device=leaf.device)
    spaced = torch.stack([leaf, spaced[..., 1]], -1)
    return spaced[..., 0]


def transposed(leaf: Tensor) -> Tensor:
    """The same numbers, the memory in the order of the transposed tensor."""
    return leaf if leaf.dim() < 2 else leaf.transpose(-1, -2).contiguous().transpose(-1, -2)
