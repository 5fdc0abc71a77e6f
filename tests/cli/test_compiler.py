import sys

import forked

WORK = """
import sys
from bpcompare.cli.progress import load_torch

load_torch()
import torch


def loaded():
    return sum(name.startswith("torch._dynamo.") for name in sys.modules)


def trained():
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = torch.optim.Adam([p], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
    return p.tolist()


without, parts = trained(), loaded()
compiled = torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item()
print(parts, loaded() > 10, compiled, without == trained())
"""


def test_the_compiler_is_loaded_by_what_compiles_and_not_by_an_optimizer_whose_steps_stay_the_same():
    done = forked.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True", "2.0", "True"]
