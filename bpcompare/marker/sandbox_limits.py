"""What the kernel is asked to forbid a learner's file: memory, files, processes, writing, signals. Linux; else less.

Each function does what the system can do and says whether it could; none of them imports anything of bpcompare.
"""

import contextlib
import ctypes
import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

EXTRA_MEMORY = 4 << 30  # bytes on top of what PyTorch itself takes
LARGEST_FILE = 64 << 20  # bytes
MOST_FILES = 256  # open at once
MOST_PROCESSES = 64  # a gradient needs one

SET_DEATH_SIGNAL, SET_DUMPABLE, SET_SUBREAPER, SET_NO_NEW_PRIVILEGES = 1, 4, 36, 38  # of prctl(2)
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's system calls, the same on every processor
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
CHANGES = {1: 0x1FF2, 2: 0x3FF2, 3: 0x7FF2, 5: 0xFFF2}  # by version: every right but to execute and to read


def prctl(option: int, value: int) -> bool:
    """Asks Linux for something about this process, and says whether it was granted."""
    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
    except (AttributeError, OSError, TypeError):  # another system
        return False


def die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent ends, and ends it where that happened already."""
    prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def limit_resources(others: int) -> None:
    """Memory, the size of a file, open files, processes; ``others`` is how many the user has already."""
    try:
        import resource
    except ImportError:
        return
    limits = [
        (resource.RLIMIT_AS, _address_space() + EXTRA_MEMORY),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
        (resource.RLIMIT_NOFILE, MOST_FILES),
        (resource.RLIMIT_NPROC, others + MOST_PROCESSES),
        (resource.RLIMIT_CORE, 0),
    ]
    for which, limit in limits:
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(which)[1]
            lowest = limit if hard < 0 else min(limit, hard)
            resource.setrlimit(which, (lowest, lowest))


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError):
        return 64 << 30


def confine(folder: str) -> int:
    """Landlock: no change to any file outside ``folder``, no TCP, no signal to a process outside.

    Returns:
        Landlock's version; 0 where the kernel has none, and nothing is forbidden.
    """
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        version = int(libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1))
        if version < 1:
            return 0
        changes = CHANGES[max(known for known in CHANGES if known <= version)]
        words = [changes] + [3] * (version >= 4) + [3] * (version >= 6)  # files; TCP; abstract sockets and signals
        attributes = struct.pack(f"={len(words)}Q", *words)
        rules = libc.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
        allowed = ((folder, changes), (os.devnull, changes & (WRITE_FILE | TRUNCATE)))
        done = rules >= 0 and all(_allow(libc, rules, path, rights) for path, rights in allowed)
        done = done and prctl(SET_NO_NEW_PRIVILEGES, 1) and libc.syscall(RESTRICT_SELF, rules, 0) == 0
        os.close(rules)
    except (AttributeError, OSError, TypeError):
        return 0
    return version if done else 0


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> bool:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        return bool(libc.syscall(ADD_RULE, rules, 1, struct.pack("=Qi", rights, place), 0) == 0)
    finally:
        os.close(place)


def tasks_of_user() -> int:
    """How many processes and threads the user has, which is what the limit on processes counts."""
    user, count = os.getuid(), 0
    for entry in _processes():
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == user:
                count += sum(1 for _ in (entry / "task").iterdir())
    return count


def descendants(root: int) -> set[int]:
    """The processes that ``root`` started, and those that they started."""
    found: set[int] = set()
    waiting = [root]
    try:
        while waiting:
            pid = waiting.pop()
            for child in _children(pid):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
    except FileNotFoundError:  # a kernel that does not list children
        return _descendants_by_parent(root)
    return found


def _children(pid: int) -> Iterator[int]:
    tasks = Path(f"/proc/{pid}/task")
    for task in _entries(tasks):
        try:
            yield from map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            if task.exists():
                raise FileNotFoundError from None


def _descendants_by_parent(root: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in _processes():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return found - {root}


def _processes() -> list[Path]:
    return [entry for entry in _entries(Path("/proc")) if entry.name.isdigit()]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def memory_of(pid: int) -> int:
    """Bytes that a process has for itself."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGESIZE")


def cpu_seconds(pid: int) -> tuple[float, bool] | None:
    """Processor time of a process and of those that it waited for, and whether it is asleep; None if unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"), fields[0] == "S"
