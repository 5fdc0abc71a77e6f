"""How much memory this process may still take before the system ends it or refuses."""

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
VERSIONS = (("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"), ("", "memory.max", "memory.current"))


def available_memory() -> float:
    """The least of what the machine has left, what the container may have, and what `ulimit` grants, in bytes.

    Infinite where the system does not tell.

    Example:
        >>> available_memory() > 0
        True
    """
    return max(min(_of_the_machine(), *_of_cgroups(), *_of_limits(), math.inf), 0.0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _of_the_machine() -> float:
    """Linux says what is free or can be freed; elsewhere the best that is known is what is built in, or nothing."""
    if found := re.search(r"MemAvailable:\s*(\d+) kB", _read(Path("/proc/meminfo"))):
        return float(found[1]) * 1024
    for pages in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"):
        try:
            return float(os.sysconf(pages)) * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, OSError, ValueError):  # Windows has no sysconf, macOS not every name
            continue
    return _of_windows()


def _of_windows() -> float:
    try:
        from ctypes import Structure, byref, c_uint32, c_uint64, sizeof, windll  # type: ignore[attr-defined]
    except ImportError:
        return math.inf

    class Status(Structure):  # type: ignore[misc, unused-ignore]
        _fields_ = (("length", c_uint32), ("load", c_uint32), *((name, c_uint64) for name in "abcdefg"))

    status = Status(length=sizeof(Status))
    return float(status.b) if windll.kernel32.GlobalMemoryStatusEx(byref(status)) else math.inf


def _of_cgroups() -> Iterator[float]:
    """What the limit of each group that this process is in leaves, those of their parents included."""
    groups = {line.split(":", 2)[2] for line in _read(Path("/proc/self/cgroup")).splitlines() if line.count(":") > 1}
    for folder, limit, usage in VERSIONS:
        for group in groups:
            place = Path(group.lstrip("/"))
            for inner in (place, *place.parents):
                at = CGROUPS / folder / inner
                most, used = _read(at / limit).strip(), _read(at / usage).strip()
                if most.isdigit() and used.isdigit():
                    freed = re.search(r"^(?:total_)?inactive_file (\d+)", _read(at / "memory.stat"), re.MULTILINE)
                    yield int(most) - int(used) + (int(freed[1]) if freed else 0)


def _of_limits() -> Iterator[float]:
    """What `ulimit -v` and `ulimit -d` leave of the address space."""
    try:
        import resource
    except ImportError:  # Windows
        return
    status = _read(Path("/proc/self/status"))
    for kind, taken in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY:
            used = re.search(rf"{taken}:\s*(\d+) kB", status)
            yield limit - (int(used[1]) * 1024 if used else 0)
