"""Counts the NVIDIA GPUs of a host.

A part of a GPU (MIG, "multi-instance GPU") counts with the GPU that it is a part of: a licence is
for cards, and a card that is cut up is one card.
"""

from __future__ import annotations

import os

from license_core import hostfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Run = Callable[[Sequence[str]], str | None]

_DEVICES = ("dev/nvidiactl", "dev/dxg")
"""Signs of a driver: the plain one, and that of Windows' subsystem for Linux."""
_FOLDER = "proc/driver/nvidia/gpus"
_SECONDS = 10.0
_SECONDS_TO_DIE = 1.0


def count(root: str, run: Run | None = None) -> int | None:
    """The GPUs that the host under *root* can use: 0 without a driver, None if it cannot be told.

    The driver's folder lists those of the machine; a container has the devices of its own. Where
    the folder is hidden although there is a driver, ``nvidia-smi`` is *run*, on the host of this
    process only.
    """
    here = cards(root)
    if here is not None:
        return len(here)
    if not _has_driver(root):
        return 0
    if run is None:
        if root != "/":
            return None
        run = _run
    text = run(("nvidia-smi", "-L"))
    return None if text is None else listed(text)


def cards(root: str) -> list[str] | None:
    """The names of those that the host under *root* can use; None where no driver lists any."""
    found = _of_machine(root)
    return None if found is None else [card for card in found if _is_here(root, card)]


def on_machine() -> int | None:
    """How many this machine has, also those that a container was not given; None: not known.

    The driver's folder is not hidden from a container (proc(5) is the kernel's). In Windows'
    subsystem for Linux there is none.
    """
    found = _of_machine("/")
    if found is not None:
        return len(found)
    return None if _has_driver("/") or "microsoft" in os.uname().release.lower() else 0


def _of_machine(root: str) -> list[str] | None:
    try:
        return sorted(os.listdir(os.path.join(root, _FOLDER)))
    except OSError:
        return None  # no driver, or one that does not show this folder


def _has_driver(root: str) -> bool:
    return any(os.path.exists(os.path.join(root, device)) for device in _DEVICES)


def _is_here(root: str, card: str) -> bool:
    """Whether the device of a card is there; of one without a number that cannot be told."""
    try:
        text = hostfile.read(os.path.join(root, _FOLDER, card, "information")) or b""
    except OSError:
        return True
    for line in text.splitlines():
        name, _, value = line.partition(b":")
        if name.strip() == b"Device Minor" and value.strip().isdigit():
            number = value.strip().decode("ascii").lstrip("0") or "0"
            return os.path.exists(os.path.join(root, f"dev/nvidia{number}"))
    return True


def listed(text: str) -> int:
    """The GPUs in what ``nvidia-smi -L`` says; its lines of MIG devices are indented."""
    return sum(1 for line in text.splitlines() if line.startswith("GPU "))


def _run(
    command: Sequence[str],
    seconds: float = _SECONDS,
    start: Callable[..., Any] | None = None,
) -> str | None:
    """What *command* prints; None where it fails or takes longer than *seconds*.

    One that hangs in the driver cannot even be killed, and is left behind. *start* is Popen.
    """
    import subprocess  # a check on a host without a hidden driver does not pay for it

    try:
        process: Any = (start or subprocess.Popen)(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        try:
            process.kill()
            process.wait(_SECONDS_TO_DIE)
        except (OSError, subprocess.TimeoutExpired):
            pass
        process.stdout.close()
        return None
    text: str = said.decode("utf-8", "replace")
    return text if process.returncode == 0 else None
