"""Counts the NVIDIA GPUs of a host.

A part of a GPU (MIG, "multi-instance GPU") counts with the GPU that it is a part of: a licence is
for cards, and a card that is cut up is one card.
"""

import os
from collections.abc import Callable, Sequence

_DEVICES = ("dev/nvidiactl", "dev/dxg")
"""Signs of a driver: the plain one, and that of Windows' subsystem for Linux."""
_SECONDS = 10

Run = Callable[[Sequence[str]], str]


def count(root: str, run: Run | None = None) -> int:
    """The GPUs of the host under *root*; 0 where no driver shows any.

    The driver's folder is asked first. Where it is hidden although there is a device,
    ``nvidia-smi`` is *run*, on the host of this process only.
    """
    try:
        return len(os.listdir(os.path.join(root, "proc/driver/nvidia/gpus")))
    except OSError:
        pass  # no driver, or one that does not show this folder
    if run is None:
        if root != "/":
            return 0
        run = _run
    if not any(os.path.exists(os.path.join(root, device)) for device in _DEVICES):
        return 0
    return listed(run(("nvidia-smi", "-L")))


def listed(text: str) -> int:
    """The GPUs in what ``nvidia-smi -L`` says; its lines of MIG devices are indented."""
    return sum(1 for line in text.splitlines() if line.startswith("GPU "))


def _run(command: Sequence[str]) -> str:
    """What *command* prints; nothing where it cannot be run or does not end."""
    import shutil  # a check on a host without a hidden driver pays for neither
    import subprocess

    program = shutil.which(command[0])
    if program is None:
        return ""

    try:
        done = subprocess.run(  # noqa: S603  # the driver's own tool; who sets PATH is root here
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
