"""Writes docs/explanation/mutants.md from the sessions and from judged.toml, where each survivor is judged by hand."""

import datetime
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from session import ROOT, Mutant, Room, counted, judged, rooms, sample, session

PAGE = ROOT / "docs" / "explanation" / "mutants.md"
TEXT = """# Do the tests notice a mistake?

<!-- written by mutants/page.py, from what `make mutants` found and from mutants/judged.toml -->

A mutant is the program with one small change: a `+` that is a `−`, a 2 that is a 3, a condition turned round. The tests
of its room run on it. A mutant is killed where one of them fails; one that survives shows what no test holds – or a
change that changes nothing. `make mutants` makes the mutants with [Cosmic Ray](https://cosmic-ray.readthedocs.io),
tries each in a fork of one process, with the cheapest tests first, and goes on where it was broken off. It is not part
of CI: it takes hours.

Left out are changes of type annotations, which mypy reads; operators that the operands do not have, such as a shift of
a float, which any test kills; and `is` for `==`, which is the same for small numbers and names. Of large rooms a sample
was tried: the first by a checksum of each mutant's place, so that the sample is the same in each run and can be made
larger.

A room is tried with the tests that `mutants/rooms.toml` names for it, a part of all: what they kill is killed, and what
they do not kill another test may. Each survivor was judged, and killed by a new test where it stands for a mistake. The
score is killed ÷ (tried − equivalent). Where nothing has been tried yet, the table says 0.

{table}

Tried on {date}, with Python {python} and PyTorch {torch}.

## The survivors, one by one

{survivors}
"""


@dataclass(frozen=True)
class Judged:
    """A survivor, with what was decided about it."""

    where: str
    change: str
    verdict: str
    why: str


def survivors_and_counts(room: Room) -> tuple[list[Judged], Counter[str], int]:
    """Of a room: who survived, how many came to what, and how many mutants there are."""
    known = judged()
    databases = {module: session(module) for module in room.modules}
    found = {job: result for database in databases.values() for job, result in database.results}
    survivors, counts = [], Counter[str]()
    for mutant in sample(room, databases):
        if mutant.job not in found:
            continue
        counts["tried"] += 1
        result = found[mutant.job]
        if result.is_killed:
            counts["killed"] += 1
            continue
        survivor = _judge(mutant, known)
        counts[survivor.verdict] += 1
        survivors.append(survivor)
    return survivors, counts, len(counted(databases))


def _judge(mutant: Mutant, known: dict[tuple[str, str], tuple[str, str]]) -> Judged:
    change = mutant.change
    verdict, why = known.get((str(mutant.spec.module_path), change), ("survived", "not judged yet"))
    return Judged(f"{mutant.spec.module_path}:{mutant.spec.start_pos[0]}", change, verdict, why)


def page() -> str:
    """The page."""
    import torch

    rows, lists, total = [], [], Counter[str]()
    for room in rooms():
        survivors, counts, every = survivors_and_counts(room)
        rows.append(_row(room.name, counts, every))
        total += counts + Counter(every=every)
        if survivors:
            lists.append(f"### {room.name}\n")
            lists += [f"- `{one.where}`: `{one.change}` – **{one.verdict}**: {one.why}" for one in survivors]
            lists.append("")
    head = "| room | mutants | tried | killed | equivalent | survived | score |\n"
    head += "|---|---:|---:|---:|---:|---:|---:|\n"
    return TEXT.format(
        table=head + "\n".join([*rows, _row("together", total, total["every"])]),
        survivors="\n".join(lists).strip() or "None.",
        date=datetime.datetime.now(tz=datetime.UTC).date(),
        python=sys.version.split()[0],
        torch=torch.__version__.split("+")[0],
    )


def _row(name: str, counts: Counter[str], every: int) -> str:
    told = counts["tried"] - counts["equivalent"]
    score = f"{100 * counts['killed'] / told:.0f} %" if told else "–"
    numbers = (every, counts["tried"], counts["killed"], counts["equivalent"], counts["survived"])
    return "| " + " | ".join([name, *map(str, numbers), score]) + " |"


if __name__ == "__main__":
    PAGE.write_text(page())
