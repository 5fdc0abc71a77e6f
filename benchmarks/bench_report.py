"""The report, from the command to the file, against importing PyTorch: what a reader waits for beyond the import."""

import csv
import tempfile
from pathlib import Path

import torch
from ratio import paired, python

PAIRS = 3


def table(path: Path) -> None:
    """Writes a table of four inputs and one output."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(200, 4, generator=generator)
    y = x @ torch.tensor([1.0, -2.0, 3.0, 0.5]) + 0.1 * torch.randn(200, generator=generator)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "c", "d", "y"])
        rows.writerows(torch.cat([x, y[:, None]], 1).tolist())


if __name__ == "__main__":
    bare = python("-c", "import torch")
    with tempfile.TemporaryDirectory() as folder:
        command = ("-m", "bpcompare", "report", "--quiet", "--out", folder)
        paired("report of the default problem", "`import torch`", python(*command), bare, pairs=PAIRS, goal=8)
        table(Path(folder, "four.csv"))
        four = ("--csv", f"{folder}/four.csv", "--x", "a,b,c,d", "--y", "y", "--standardize", "--lr", "0.3")
        ours = python(*command, *four)
        paired("report of a table with 4 inputs", "`import torch`", ours, bare, pairs=PAIRS, goal=8)
