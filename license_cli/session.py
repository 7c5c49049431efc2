"""One run of the client: where it looks, the instant, and how it speaks."""

import os
import sys
from typing import NamedTuple

from license_core import hostkey, stability
from license_core.errors import DEFAULT_CLI
from license_core.facts import HostFacts
from license_core.hostkey import HostKey
from license_core.place import Place
from license_core.probe import read_facts


class Session(NamedTuple):
    """What every command is given."""

    place: Place
    now: int
    """The instant of this run, in seconds; read once."""
    as_json: bool
    cli: str
    """How the operator called the client, for remedies."""

    def read_facts(self) -> HostFacts:
        """The host of this run."""
        return read_facts(self.place.root, os.environ)


def key_to_give(facts: HostFacts, profile: str) -> HostKey:
    """The key of the host under *profile*, for the vendor.

    Raises as hostkey.derive does, and PinnedAddressDiffersError.
    """
    stability.check_pinned(facts)
    return hostkey.derive(facts, profile)


def called_as() -> str:
    """How this process can be called again: ``python cmd/cli.py``, with the operator's own path."""
    path = sys.argv[0]
    if path.endswith("cli.py"):
        return f"{_python()} {path}"
    return os.path.basename(path) if path else DEFAULT_CLI


def _python() -> str:
    """What to type for this interpreter: ``python`` only where that is the one which is found."""
    for name in ("python", "python3"):
        folders = os.environ.get("PATH", "").split(os.pathsep)
        found = (os.path.join(folder, name) for folder in folders)
        if next(filter(os.path.exists, found), None) == sys.executable:
            return name
    here = os.getcwd() + os.sep
    return sys.executable.removeprefix(here) or "python"
