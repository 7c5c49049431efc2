"""``docker compose``: version 2 as Debian's next release has it, for the Docker that is here."""

import os
from pathlib import Path

from tests.support import cache, debian

_RELEASE, _PACKAGE = "trixie", "docker-compose"
_PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"


def plugins() -> Path:
    """A folder of settings with which ``docker compose`` is there. Raises UnavailableError."""
    root = cache.kept(cache.CACHE / "containers" / "compose-2", _fetch)
    folder = root / "cli-plugins"
    folder.mkdir(exist_ok=True)
    link = folder / "docker-compose"
    if not link.exists():
        os.link(root / _PLUGIN, link)
    return root


def _fetch(root: Path) -> None:
    root.mkdir()
    debian.unpack_alone(_RELEASE, _PACKAGE, root)
