"""What is examined: a server's settings, and what of its machine is looked at."""

from collections.abc import Mapping
from typing import NamedTuple

from license_core.errors import LicenseError
from license_server.settings import ServerSettings

MOUNTS = "/proc/self/mountinfo"
"""Where Linux tells of mounts (proc_pid_mountinfo(5))."""


class Subject(NamedTuple):
    """A server, as ``check`` was called for it."""

    settings: ServerSettings
    now: int
    """The present instant, in seconds."""
    environ: Mapping[str, str]
    mounts: str
    """The text of MOUNTS."""
    server: str
    """The command to type in a remedy, such as ``license-server --data /srv/hostseal``."""
    asks: bool = True
    """Whether other machines are asked: mail servers, and a signer that is elsewhere."""
    synchronised: bool | None = None
    """Whether a time server keeps the clock (of_clock.py); None: unknown."""
    invalid: tuple[LicenseError, ...] = ()
    """What is wrong with settings that were passed over."""
