"""Whole processes: the main job against the plain script, light commands against what they cannot do without."""

import tempfile
from pathlib import Path

from ratio import alone, paired, python

BPCOMPARE = ("-m", "bpcompare")
LIGHT = {
    "derive": ("derive", "z = x*w; r = z - y; loss = r**2", "x=2", "w=1", "y=4"),
    "graph": ("graph", "--quiet"),
    "equations": ("equations",),
    "collapse": ("collapse",),
}
REFUSED = {
    "an unknown command": ("compar",),
    "an unknown option": ("--epoch", "5"),
    "a wrong number": ("--lr", "fast"),
    "options that exclude each other": ("--layers", "1,2,1", "--landscape"),
}

if __name__ == "__main__":
    plain = Path(__file__).parent / "plain.py"
    with tempfile.TemporaryDirectory() as folder:
        out = ("--out", folder)
        main, script = python(*BPCOMPARE, *out), python(str(plain), f"{folder}/p.png")
        paired("whole process, all files", "the plain script", main, script, pairs=9, goal=1)
        torch, nothing = python("-c", "import torch"), python("-c", "pass")
        for name, words in LIGHT.items():
            where = out if name == "graph" else ()
            paired(f"`{name}`", "`import torch`", python(*BPCOMPARE, *words, *where), torch, pairs=7, goal=1.3)
        paired("`--help`", "`python -c pass`", python(*BPCOMPARE, "--help"), nothing, pairs=31, goal=2)
        for name, words in REFUSED.items():
            refused = python(*BPCOMPARE, *words, *out, code=2)
            paired(f"error: {name}", "`python -c pass`", refused, nothing, pairs=31, goal=2)
        alone("`pitfalls`, all", python(*BPCOMPARE, "pitfalls", "--quiet", *out), goal=8)
