"""A sweep in parts: some of its seeds here, others elsewhere, and all of them put together again, or none.

A part is three files. ``sweep.npz`` holds the numbers of its runs and a fingerprint of the data of each seed,
``sweep.json`` the settings of the whole sweep and which of its seeds these are, ``sweep.sha256`` lists both.
"""

import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bpcompare.errors import InputError
from bpcompare.language import N_, _
from bpcompare.problem.problem import Problem
from bpcompare.results.formats import json_bytes, versions
from bpcompare.results.sums import read_sums
from bpcompare.results.verify import verify
from bpcompare.sweeps.sweep import Sweep
from bpcompare.training.methods import Method

NUMBERS, DOCUMENT, LIST = "sweep.npz", "sweep.json", "sweep.sha256"
SEEDS_AT = {"losses": 2, "diverged_at": 1, "weights": 1, "biases": 1}  # the dimension of the seeds
HOW_IT_RAN = ("threads", "workers")  # versions that change no number of a sweep


@dataclass(frozen=True, eq=False)
class Part:
    """One part, as it was read.

    Attributes:
        folder: Where it lies.
        seeds: Which of the whole sweep's seeds it has, counted from 0.
        settings: Those of the whole sweep.
        versions: What its numbers were made with.
        numbers: The arrays of ``sweep.npz`` by name.
    """

    folder: Path
    seeds: range
    settings: dict[str, object]
    versions: dict[str, object]
    numbers: dict[str, Tensor]


def part_npz(result: Sweep) -> bytes:
    """The numbers of a sweep, and the fingerprints of its data, as a NumPy archive.

    Example:
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.sweeps.sweep import sweep
        >>> sorted(np.load(io.BytesIO(part_npz(sweep([line()], [0.1])))))
        ['biases', 'checkpoints', 'data', 'diverged_at', 'losses', 'rates', 'weights']
    """
    arrays = {name: _narrow(getattr(result, name).numpy()) for name in SEEDS_AT}
    exact = {"rates": result.rates.numpy(), "checkpoints": result.checkpoints.numpy()}
    numbers: Any = {**arrays, **exact, "data": fingerprints(result.problems)}
    buffer = io.BytesIO()
    np.savez(buffer, **numbers)
    return buffer.getvalue()


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """In float32 where that holds every digit, as of losses that were calculated in it."""
    if values.dtype != np.float64:
        return values
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


def part_json(result: Sweep, settings: Mapping[str, object]) -> bytes:
    """The settings of the whole sweep, and what these numbers were made with."""
    return json_bytes({"settings": dict(settings), "versions": versions(result.device_name)})


def fingerprints(problems: Sequence[Problem]) -> NDArray[np.uint8]:
    """SHA-256 of the data and of the start of each problem, (problems, 32).

    Example:
        >>> from bpcompare.problem.line import line
        >>> first, again, other = fingerprints([line(), line(), line(seed=1)])
        >>> bool((first == again).all()), bool((first == other).all())
        (True, False)
    """
    tables: dict[tuple[int, int], bytes] = {}
    found = []
    for problem in problems:
        key = (id(problem.measured_x), id(problem.measured_y))  # a table that all seeds share is read once
        if key not in tables:
            tables[key] = _sha256((problem.measured_x, problem.measured_y))
        start = _sha256(parameter.detach() for parameter in problem.start.parameters())
        found.append(hashlib.sha256(tables[key] + start).digest())
    return np.frombuffer(b"".join(found), dtype=np.uint8).reshape(len(problems), -1)


def _sha256(tensors: Iterable[Tensor]) -> bytes:
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(tensor.contiguous().numpy().data)
    return found.digest()


def read_parts(folders: Sequence[Path]) -> list[Part]:
    """The parts in these folders, in the order of their seeds: of one sweep, whole, and together all of it.

    Raises:
        InputError: A part is missing, damaged, there twice or of another sweep.
    """
    parts = sorted(map(_read, folders), key=lambda part: (part.seeds.start, part.seeds.stop))
    for part in parts[1:]:
        _check_same(parts[0], part)
    _check_versions(parts[0])
    _check_seeds(parts)
    return parts


def _read(folder: Path) -> Part:
    """One part, if it is whole.

    Raises:
        InputError: It is not.
    """
    if not (folder / LIST).is_file() or NUMBERS not in _listed(folder):
        problem = N_("{folder} holds no part of a sweep; sweep --part A:B --out {folder} makes one")
        raise InputError(_(problem, folder=folder))
    damaged = _damaged(folder)
    if verify(folder).state != "whole":
        raise damaged
    try:
        document = json.loads((folder / DOCUMENT).read_bytes())
        settings = dict(document["settings"])
        seeds = range(*settings.pop("part"))
        with np.load(folder / NUMBERS, allow_pickle=False) as archive:
            numbers = {name: torch.from_numpy(archive[name]) for name in archive}
        sizes = {numbers[name].shape[place] for name, place in SEEDS_AT.items()}
        if sizes != {len(seeds)} or len(numbers["data"]) != len(seeds):
            raise damaged
        return Part(folder, seeds, settings, dict(document["versions"]), numbers)
    except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise damaged from error


def _listed(folder: Path) -> Mapping[str, str]:
    try:
        return read_sums((folder / LIST).read_bytes())
    except ValueError as error:
        raise _damaged(folder) from error


def _damaged(folder: Path) -> InputError:
    return InputError(_("the part in {folder} is damaged or not of one run; make it again", folder=folder))


def _check_same(first: Part, part: Part) -> None:
    for kind, mine, other in (
        (N_("settings"), first.settings, part.settings),
        (N_("versions"), _of_numbers(first.versions), _of_numbers(part.versions)),
    ):
        differing = [name for name in {**mine, **other} if mine.get(name) != other.get(name)]
        if differing:
            problem = N_("{first} and {other} are of different sweeps: the {kind} differ in {name}; merge parts of one")
            told = {"first": first.folder, "other": part.folder, "kind": _(kind), "name": differing[0]}
            raise InputError(_(problem, **told))


def _check_versions(part: Part) -> None:
    """The numbers that the merge calculates itself must be those that the whole sweep would have."""
    mine = versions(str(part.versions.get("device", "")))
    for name, version in _of_numbers(part.versions).items():
        if mine.get(name) != version:
            problem = N_("the parts were made with {name} {theirs}, and here is {mine}; merge them with the same")
            raise InputError(_(problem, name=name, theirs=version, mine=mine.get(name)))


def _of_numbers(versions: Mapping[str, object]) -> dict[str, object]:
    return {name: version for name, version in versions.items() if name not in HOW_IT_RAN}


def _check_seeds(parts: Sequence[Part]) -> None:
    """Each seed once."""
    for before, after in itertools.pairwise(parts):
        if after.seeds.start < before.seeds.stop:
            both = f"{after.seeds.start}:{min(before.seeds.stop, after.seeds.stop)}"
            problem = N_("{first} and {other} both have the seeds {seeds}; leave one of them out")
            raise InputError(_(problem, first=before.folder, other=after.folder, seeds=both))
    ends = [0, *(part.seeds.stop for part in parts)]
    for end, start in zip(ends, [*(part.seeds.start for part in parts), parts[0].settings["seeds"]], strict=True):
        if end != start:
            missing = f"{end}:{start}"
            problem = N_("the seeds {missing} are in no part; make them with --part {missing} and merge all")
            raise InputError(_(problem, missing=missing))


def merged(parts: Sequence[Part], problems: Sequence[Problem]) -> Sweep:
    """The whole sweep, of parts in their order and of the data that their settings give here.

    Raises:
        InputError: These are not the data that the parts were made of.
    """
    for part in parts:
        mine = fingerprints(problems[part.seeds.start : part.seeds.stop])
        if not np.array_equal(mine, part.numbers["data"].numpy()):
            problem = N_(
                "the data that the settings give here are not those of the part in {folder}: the table has changed, or "
                "another machine draws other numbers; merge on a machine like those of the parts"
            )
            raise InputError(_(problem, folder=part.folder))
    first = parts[0]
    joined = {name: torch.cat([part.numbers[name] for part in parts], at) for name, at in SEEDS_AT.items()}
    return Sweep(
        tuple(problems),
        tuple(Method.named(str(name)) for name in _strings(first.settings["methods"])),
        first.numbers["rates"],
        int(first.numbers["checkpoints"][-1]),
        first.numbers["checkpoints"],
        **{name: values if name == "diverged_at" else values.double() for name, values in joined.items()},
        device=str(first.settings.get("device", "cpu")),
        device_name=str(first.versions.get("device", "")),
    )


def _strings(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []
