"""Reading ten million rows: seconds, and the memory of the whole process."""

import random
import resource
import tempfile
from pathlib import Path

from ratio import seconds

ROWS = 10_000_000

if __name__ == "__main__":
    from bpcompare.problem.csv_reader import read_csv

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w") as file:
            file.write("x,y\n")
            block = "".join(f"{random.random():.6f},{random.gauss(0, 1):.6f}\n" for _ in range(10_000))
            for _ in range(ROWS // 10_000):
                file.write(block)
        took = seconds(lambda: read_csv(path, ["x"], ["y"]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"reading {ROWS:,} rows: {took:.1f} s, {peak:.2f} GB in all; claim < 20 s, < 1 GB")
