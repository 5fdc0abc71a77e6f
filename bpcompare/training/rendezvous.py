"""How the processes of a distributed run find each other, in a time that is kept whoever answers."""

import datetime
import os
import re
import socket
import threading
import time

import torch.distributed as dist

from bpcompare.errors import reason
from bpcompare.language import _

AGAIN = 0.1  # seconds between two tries
GRACE = 1.5  # seconds more for PyTorch to say how many have come


def start_group(rank: int, world_size: int, seconds: float, init_method: str = "env://") -> None:
    """Starts the process group, or says within ``seconds`` why it cannot.

    In a thread: PyTorch tries several times as long as it is told where nobody listens, and waits for ever for one
    that accepts and says nothing. A thread that is given up ends with the process.

    Raises:
        RuntimeError, OSError: Nobody listens there, somebody else does, or not all have come.
    """
    deadline = time.monotonic() + seconds
    failed: list[Exception] = []

    def join() -> None:
        try:
            if init_method == "env://" and not _is_master(rank):
                _reach(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), deadline)
            left = datetime.timedelta(seconds=max(deadline - time.monotonic(), 1.0))
            dist.init_process_group("gloo", init_method=init_method, rank=rank, world_size=world_size, timeout=left)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=join, daemon=True)
    thread.start()
    thread.join(seconds + GRACE)
    if thread.is_alive():
        if _is_master(rank):  # PyTorch, which counts them, is late itself
            raise TimeoutError(_("not all of them came"))
        raise TimeoutError(_("no answer from {address} in this time", address=_address()))
    for error in failed:
        if came := re.search(r"(\d+)/\d+ clients joined", str(error)):
            raise TimeoutError(_("only {came} of {all} came", came=came[1], all=world_size)) from error
        raise error


def _is_master(rank: int) -> bool:
    """Whether the others come to this process; under torchrun they all come to its agent."""
    return rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"


def _reach(host: str, port: int, deadline: float) -> None:
    """Tries until somebody listens at ``host:port`` or the time is over."""
    while True:  # the one who listens may start last
        left = deadline - time.monotonic()
        try:
            socket.create_connection((host, port), timeout=max(left, AGAIN)).close()
        except OSError as error:
            if deadline - time.monotonic() < AGAIN:
                why = reason(error)
                raise OSError(_("nobody answers at {address}: {reason}", address=_address(), reason=why)) from error
            time.sleep(AGAIN)
        else:
            return


def _address() -> str:
    return f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
