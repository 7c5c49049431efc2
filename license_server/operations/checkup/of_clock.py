"""The clock: whether it can be right, and whether somebody keeps it so."""

import ctypes
from pathlib import Path

from license_core import clock
from license_core.errors import LicenseError
from license_core.wording import utc
from license_server.operations.checkup.finding import Section, found, of_error
from license_server.operations.checkup.subject import Subject

MARK = "/run/systemd/timesync/synchronized"
"""What systemd-timesyncd leaves once it has asked a time server (systemd-timesyncd.service(8))."""
_TIMEX_BYTES = 512
"""More than ``struct timex`` has; zeros in it ask, and set nothing (adjtimex(2))."""
_TIME_ERROR = 5


def look(subject: Subject) -> Section:
    """The present instant, and what the system says of it."""
    known = {True: "kept by a time server", False: "kept by nobody", None: "unknown who keeps it"}
    told = f"{utc(max(subject.now, 0))}, {known[subject.synchronised]}"
    section = Section("Clock", [told], [])
    try:
        clock.check(subject.now)
    except LicenseError as error:
        section.findings.append(of_error(error, subject.server))
    if subject.synchronised is False:
        section.findings.append(found("clock-not-kept"))
    return section


def synchronised() -> bool | None:
    """Whether a time server keeps this machine's clock, as the system says; None: it says nothing.

    The kernel knows it of any program that keeps it, and a container has the kernel of its host.
    """
    if Path(MARK).exists():
        return True
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
