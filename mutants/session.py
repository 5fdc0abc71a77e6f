"""The mutants of a room: made by Cosmic Ray, kept in its sqlite sessions, one a source file, under build/mutants.

A session's name ends with a sum of the file's text, so that a run goes on where it was broken off, and a file that has
changed begins anew.
"""

import ast
import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkResult

HERE = Path(__file__).parent
ROOT = HERE.parent
SESSIONS = ROOT / "build" / "mutants"

# Shifts, bit operators and matrix products of plain numbers fail at once, and so do most remainders: mutants that any
# test kills would only raise the score.
ARITHMETIC = {"Add", "Sub", "Mul", "Div", "Pow"}
ALIKE = ({"BitAnd", "BitOr"}, {"Div", "FloorDiv", "Mod", "Mul"}, {"MatMul", "Mul", "Add"})


@dataclass(frozen=True)
class Room:
    """What is mutated together: the files, the tests that belong to them, and how many mutants are drawn."""

    name: str
    modules: list[str]
    tests: list[str]
    sample: int


@dataclass(frozen=True)
class Mutant:
    """One changed place of one file."""

    job: str
    spec: MutationSpec

    @cached_property
    def source(self) -> str:
        """The whole file with the change in it."""
        operator = cosmic_ray.plugins.get_operator(self.spec.operator_name)()
        return str(mutate_code((ROOT / self.spec.module_path).read_text(), operator, self.spec.occurrence))

    @property
    def rank(self) -> str:
        """A number drawn for it, the same in each run: samples are the first by it."""
        return hashlib.sha256(
            f"{self.spec.module_path} {self.spec.operator_name} {self.spec.occurrence}".encode()
        ).hexdigest()

    @property
    def change(self) -> str:
        """The changed lines, before and after."""
        old, new = ((ROOT / self.spec.module_path).read_text().splitlines(), self.source.splitlines())
        for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind != "equal":
                return " → ".join(
                    " ".join(filter(None, map(_bare, lines))) or "nothing" for lines in (old[a:b], new[c:d])
                )
        return "no change"


def _bare(line: str) -> str:
    return re.sub(r"\s+", " ", line.split("  #")[0].strip())


def rooms() -> list[Room]:
    """The rooms of rooms.toml, in order."""
    table = tomllib.loads((HERE / "rooms.toml").read_text())
    return [
        Room(name, [path for pattern in room["modules"] for path in _files(pattern)], room["tests"], room["sample"])
        for name, room in table.items()
    ]


def _files(pattern: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern) if path.name != "__init__.py")


def session(module: str) -> WorkDB:
    """The session of a source file as it is now; made at first."""
    SESSIONS.mkdir(parents=True, exist_ok=True)
    text = (ROOT / module).read_bytes()
    name = f"{module.removesuffix('.py').replace('/', '.')}-{hashlib.sha256(text).hexdigest()[:8]}.sqlite"
    path = SESSIONS / name
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        database = WorkDB(draft, WorkDB.Mode.create)
        init([Path(module)], database, {})
        annotations = list(_annotations(text.decode()))
        idle = [item.job_id for item in database.work_items if not _counts(item.mutations[0], annotations)]
        database.set_multiple_results(idle, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))
        database.close()
        draft.rename(path)
    return WorkDB(path, WorkDB.Mode.open)


def _by_identity(operator: str) -> bool:
    """Whether == becomes ``is``, the same for small numbers and names, or ``is`` an order that None has not."""
    before, _, after = operator.partition("ComparisonOperator_")[2].partition("_")
    same = {"Is", "IsNot"}
    return (after in same and before not in same) or (before in same and after not in {*same, "Eq", "NotEq"})


def _counts(spec: MutationSpec, annotations: list[tuple[tuple[int, int], tuple[int, int]]]) -> bool:
    if any(begin <= spec.start_pos < end for begin, end in annotations):
        return False
    before, _, after = spec.operator_name.partition("Operator_")[2].partition("_")
    if not spec.operator_name.startswith("core/ReplaceBinaryOperator"):
        return True
    return {before, after} <= ARITHMETIC or any({before, after} <= alike for alike in ALIKE)


def _annotations(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where types stand: what they say is mypy's to check."""
    for node in ast.walk(ast.parse(text)):
        found = (getattr(node, "annotation", None), getattr(node, "returns", None))
        for type_ in found:
            if isinstance(type_, ast.expr):
                lines = text.encode().splitlines()
                yield tuple(  # type: ignore[misc]
                    (row, len(lines[row - 1][:column].decode()))
                    for row, column in (
                        (type_.lineno, type_.col_offset),
                        (type_.end_lineno or 0, type_.end_col_offset or 0),
                    )
                )


def sample(room: Room, databases: dict[str, WorkDB]) -> list[Mutant]:
    """The mutants of a room that are tried, in the order of their ranks."""
    everything = counted(databases)
    return sorted(everything, key=lambda mutant: mutant.rank)[: room.sample or None]


def counted(databases: dict[str, WorkDB]) -> list[Mutant]:
    """All mutants of some files, less those left out."""
    return [
        Mutant(item.job_id, item.mutations[0])
        for database in databases.values()
        for skipped in [{job for job, found in database.results if found.worker_outcome == WorkerOutcome.SKIPPED}]
        for item in database.work_items
        if item.job_id not in skipped and not _by_identity(item.mutations[0].operator_name)
    ]


def judged() -> dict[tuple[str, str], tuple[str, str]]:
    """File and change → verdict and reason."""
    entries = tomllib.loads((HERE / "judged.toml").read_text())["survivor"]
    return {(entry["file"], entry["change"]): (entry["verdict"], entry["why"]) for entry in entries}


AT_FIRST = "survived at first; "  # before a test that kills a mutant that an earlier run could not kill


def result(killed: bool, test: str, earlier: WorkResult | None) -> WorkResult:
    """A result as Cosmic Ray keeps it: the outcome, and the test that noticed."""
    outcome = TestOutcome.KILLED if killed else TestOutcome.SURVIVED
    first = AT_FIRST if killed and earlier is not None else ""
    return WorkResult(worker_outcome=WorkerOutcome.NORMAL, output=first + test, test_outcome=outcome)
