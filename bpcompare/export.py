"""Writes results: each file whole or not at all.

A reader of the output folder never sees half a file, and a run that fails leaves the results of the run before it.
"""

import csv
import dataclasses
import io
import itertools
import json
import math
import os
import platform
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import matplotlib
import numpy
import torch
from torch import Tensor

from bpcompare import __version__, workers
from bpcompare.agreement import Agreement
from bpcompare.comparison import Comparison
from bpcompare.errors import OutputError
from bpcompare.problem import Problem
from bpcompare.race import FRACTIONS
from bpcompare.run import Run
from bpcompare.show.parameters import entries
from bpcompare.theory import Curvature


def check_folder(folder: Path, names: Iterable[str] = ()) -> None:
    """Says before the work begins whether its results could be written: tries, and takes back what it tried.

    Args:
        folder: Where the results are to go; it may not exist yet.
        names: The files to be written there.

    Raises:
        OutputError: The folder or one of the files cannot be written, with the reason.

    Example:
        >>> check_folder(Path("."), ["comparison.json"])
    """
    with ExitStack() as stack:
        try:
            for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
                missing.mkdir()
                stack.callback(missing.rmdir)
            stack.enter_context(tempfile.TemporaryFile(dir=folder))
        except OSError as error:
            raise _cannot_write(folder, error) from error
        for name in names:
            if (folder / name).is_dir():
                raise OutputError(f"{folder / name} cannot be written: it is a folder; move it or choose another --out")


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"the results cannot be written to {folder}: {reason}; choose another --out")


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Writes ``files`` (name → content) into ``folder`` and returns their paths, in the order given.

    All contents are written to temporary files in the same folder and flushed to the disk; only then does each take
    its place by one atomic rename, in the order given. Put the file that describes the others last: where it is new,
    so are they.

    Raises:
        OutputError: Something could not be written; the files that stood there before still do.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.name for path in write_files(Path(folder), {"a.txt": b"alpha"})]
        ['a.txt']
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            parts = {name: _write_part(folder, content, stack) for name, content in files.items()}
            for name, part in parts.items():
                part.replace(folder / name)
        except OSError as error:
            raise _cannot_write(folder, error) from error
    return [folder / name for name in files]


def _write_part(folder: Path, content: bytes, stack: ExitStack) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=".bpcompare-", suffix=".part", dir=folder)
    part = Path(name)
    stack.callback(part.unlink, missing_ok=True)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(descriptor, 0o666 & ~_umask())  # mkstemp makes files that only their owner reads
        os.fsync(descriptor)
    return part


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def comparison_json(comparison: Comparison, settings: Mapping[str, object]) -> bytes:
    """The comparison as JSON: settings, versions, problem, truth, optimum, theory, runs, agreement, race.

    Parameters and losses are in the user's units; a weight is a nested list (out, in), a bias a list (out,), null for
    a model without one. A diverged run tells its last finite state. Nothing in it depends on time or place, so that
    the same run gives the same bytes.

    Args:
        comparison: What to write.
        settings: What the user asked for.

    Example:
        >>> from bpcompare.comparison import compare
        >>> from bpcompare.problem import line
        >>> document = json.loads(comparison_json(compare(line()), {"lr": 0.1}))
        >>> document["runs"]["manual"]["weight"]
        [[1.3135614395141602]]
    """
    problem, optimum, curvature = comparison.problem, comparison.optimum, comparison.curvature

    def bias(values: Tensor) -> list[float] | None:
        return values.tolist() if problem.has_bias else None

    document = {
        "settings": dict(settings),
        "versions": versions(),
        "problem": described(problem),
        "truth": problem.truth
        and {"weight": problem.truth.weight.double().tolist(), "bias": problem.truth.bias.double().tolist()},
        "optimum": {
            "weight": optimum.weight.tolist(),
            "bias": bias(optimum.bias),
            "loss": optimum.loss,
            "rank": optimum.rank,
            "unique": optimum.unique,
        },
        "theory": {
            "eigenvalues": curvature.eigenvalues.tolist(),
            "condition_number": _finite(curvature.condition_number),
            "largest_stable_lr": _finite(curvature.largest_stable_lr),
            "safe_sample_lr": _finite(curvature.safe_sample_lr),
            "best_lr": _finite(curvature.best_lr),
            "contraction": {"lr": curvature.contraction(comparison.lr), "best_lr": _best_contraction(curvature)},
            "steps_to_fraction_of_gap": {str(f): comparison.modes.steps_to(f, comparison.lr) for f in FRACTIONS},
            "predicted": {
                name: {"loss": predicted[-1].item(), "largest_relative_error": comparison.prediction_error(name)}
                for name in comparison.results
                if (predicted := comparison.predicted(name)) is not None
            },
        },
        "runs": {
            name: {
                "gradient": result.run.method.gradient,
                "update": result.run.method.update,
                "weight": result.weight.tolist(),
                "bias": bias(result.bias),
                "loss": result.loss,
                "losses": result.losses[: len(result.run.losses)].tolist(),
                "status": result.status,
                "diverged_at": result.run.diverged_at,
                "epochs_to_fraction_of_gap": {str(f): result.epochs_to(f) for f in FRACTIONS},
            }
            for name, result in comparison.results.items()
        },
        **between(comparison.agreement, comparison.race),
    }
    return json_bytes(document)


def described(problem: Problem) -> dict[str, object]:
    """What was learned: its name, its size and its columns."""
    return {
        "name": problem.name,
        "samples": problem.samples,
        "in_features": problem.in_features,
        "out_features": problem.out_features,
        "x_names": problem.x_names,
        "y_names": problem.y_names,
    }


def between(agreement: Mapping[str, Agreement], race: Mapping[str, Mapping[float, object]]) -> dict[str, object]:
    """What is to be said of pairs of ways: agreement and race."""
    return {
        "agreement": {pair: dataclasses.asdict(found) for pair, found in agreement.items()},
        "race": {pair: {str(fraction): epochs for fraction, epochs in times.items()} for pair, times in race.items()},
    }


def versions() -> dict[str, object]:
    """What the last digits of a result depend on."""
    return {
        "bpcompare": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "matplotlib": matplotlib.__version__,
        "threads": torch.get_num_threads(),
        **({"workers": workers.count()} if workers.count() > 1 else {}),
    }


def json_bytes(document: Mapping[str, object]) -> bytes:
    """A document as JSON, UTF-8; nan and infinity, which JSON has not, are refused."""
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _best_contraction(curvature: Curvature) -> float | None:
    return curvature.contraction(curvature.best_lr) if math.isfinite(curvature.best_lr) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def history_csv(comparison: Comparison, beside: Mapping[str, Mapping[str, Tensor]] | None = None) -> bytes:
    """Every state of every run as a CSV table: epoch, method, loss, every parameter, every gradient.

    The row of epoch k is the model before step k, with its loss and gradient over all samples; the last row of a
    method is what it learned. Everything is in the user's units.

    Args:
        comparison: What to tell of.
        beside: Further columns by their heading, per method (epochs,); left blank where a method or an epoch has none.

    Example:
        >>> from bpcompare.comparison import compare
        >>> from bpcompare.problem import line
        >>> history_csv(compare(line())).splitlines()[0]
        b'epoch,method,loss,weight,bias,grad weight,grad bias'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = list(entries(comparison.problem))
    names = [entry.name for entry in columns]
    more = beside or {}
    writer.writerow(map(defused, ["epoch", "method", "loss", *names, *[f"grad {name}" for name in names], *more]))
    for method, result in comparison.results.items():
        weight_grads, bias_grads = _gradients_in_user_units(comparison.problem, result.run)
        numbers = [result.losses]
        numbers += [entry.path(result.weights, result.biases) for entry in columns]
        numbers += [entry.path(weight_grads, bias_grads) for entry in columns]
        states = torch.stack(numbers, 1).tolist()
        further = [column[method].tolist() if method in column else [] for column in more.values()]
        rows = zip(states, *[itertools.chain(column, itertools.repeat("")) for column in further], strict=False)
        writer.writerows([epoch, defused(method), *state, *rest] for epoch, (state, *rest) in enumerate(rows))
    return buffer.getvalue().encode()


def _gradients_in_user_units(problem: Problem, run: Run) -> tuple[Tensor, Tensor]:
    weight = run.gradients["weight"]
    bias = run.gradients.get("bias", weight.new_zeros(len(weight), problem.out_features))
    if problem.scaling is None:
        return weight.double(), bias.double()
    return problem.scaling.gradients_in_user_units(weight, bias)


def defused(text: str) -> str:
    """``text`` with an apostrophe before it if a spreadsheet would run it as a formula.

    Example:
        >>> defused("=1+1"), defused("speed")
        ("'=1+1", 'speed')

    Source: OWASP, CSV Injection: cells that begin with = + - @, a tab or a carriage return.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
