"""What an engine has mounted over ``conf/``: it may hide files of the image, or last too short."""

from __future__ import annotations

import os

from license_core import engine, hostfile, stability
from license_core.errors import Notice
from license_core.facts import HostFacts
from license_core.paths import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_IN_MEMORY = ("tmpfs", "ramfs")


def remarks(place: Place, facts: HostFacts) -> tuple[Notice, ...]:
    """That the licence is lost when this container is started again, where it is."""
    if place.named is not None:
        return ()  # it is not in that folder
    mount = _mount(place, facts)
    # What is bound in from a machine's own tmpfs is a folder of that, and stays.
    if mount is None or mount.kind not in _IN_MEMORY or mount.root != "/":
        return ()
    return (Notice("conf-in-memory", path=place.conf),)


def explain(notices: Iterable[Notice], place: Place, facts: HostFacts) -> None:
    """Say of settings that are not there that a folder hides those of the image, where one does."""
    for notice in notices:
        if notice.slug == "product-unset" and not os.path.exists(notice.facts["path"]):
            told = ("settings-hidden",) if _mount(place, facts) is not None else None
            folder = os.path.realpath(place.conf)
            notice.advised(told, **stability.naming(facts), conf=folder)


def _mount(place: Place, facts: HostFacts) -> engine.Mount | None:
    """What is mounted on the folder itself, in a container that can be named."""
    if place.root != "/" or facts.engine not in ("docker", "podman"):
        return None
    try:
        data = hostfile.read(engine.MOUNTINFO) or b""
    except OSError:
        return None  # the probe has said so
    mounted = engine.mounts(data.decode("utf-8", "replace"))
    return mounted.get(os.path.realpath(place.conf))
