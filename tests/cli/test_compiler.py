import sys

import forked

WORK = """
import sys
import tempfile
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
    return [*p.tolist(), torch.func.grad(lambda x: x * x)(torch.tensor(3.0)).item()]


def met():
    with tempfile.TemporaryDirectory() as folder:
        torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=0, world_size=1)
        torch.distributed.all_reduce(torch.ones(1))
        torch.distributed.destroy_process_group()


without, parts = trained(), loaded()
met()
alone, rules = loaded(), torch._dynamo.trace_rules
check = rules.check
compiled = torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item()
met()
real = check is torch._dynamo.trace_rules.check and rules is not torch._dynamo.trace_rules
print(parts, alone, loaded() > 10, compiled, without == trained(), real)
"""


def test_the_compiler_is_loaded_by_what_compiles_and_not_by_an_optimizer_or_a_group_of_processes():
    done = forked.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0", "True", "2.0", "True", "True"]
