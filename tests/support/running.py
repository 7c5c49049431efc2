"""Whether a process runs."""

from pathlib import Path


def runs(pid: int) -> bool:
    """Whether it has not ended: one that nobody has asked for its end is there still (zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
