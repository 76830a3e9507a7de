"""What the kernel says of processes: the CPU time of trees of them, the memory of each."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")  # a second


def tree(root: int) -> list[int]:
    """A process and all that it and its children started, as long as they live."""
    children: dict[int, list[int]] = {}
    for pid in _all():
        if fields := _stat(pid):
            children.setdefault(int(fields[1]), []).append(pid)
    found = [root]
    for pid in found:  # grows while it is walked
        found += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """The CPU time that a tree has used so far; that of ended children is in their parent's account."""
    used = 0
    for pid in tree(root):
        if fields := _stat(pid):
            used += sum(map(int, fields[11:15]))  # own and ended children's, user and system
    return used / _TICKS


def resident_peak(pid: int) -> float:
    """The most memory that a process ever had in RAM, in MB."""
    return _number(pid, "status", "VmHWM")


def proportional(pid: int) -> float:
    """What a process has in RAM, pages shared with others counted by share, in MB."""
    return _number(pid, "smaps_rollup", "Pss")


def command(pid: int) -> str:
    """The command line of a process; "" once it has ended."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _all() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    """The fields of `stat` from the state on; none where the process has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _number(pid: int, file: str, name: str) -> float:
    """A number of kB by its name, in MB; 0 where the process has ended."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", (_PROC / str(pid) / file).read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) * 1024 / 1_000_000 if found else 0
