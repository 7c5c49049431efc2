"""Requests of hosts that are there only as folders, as their operators would send them."""

from pathlib import Path
from typing import Any

from license_core import hostkey
from license_core.probe import read_facts
from license_core.request import LicenseRequest
from tests.support import hosts


def of_host(root: Path, profile: str = "hk1", **more: Any) -> LicenseRequest:
    """The request of the host in *root*; *more* are members of it."""
    facts = read_facts(str(root), {})
    host = hostkey.derive(facts, profile)
    tags, layer = hostkey.tags(facts, profile), hostkey.layer_tag(facts, profile)
    return LicenseRequest(host.key, host.hostname, profile, tags, layer=layer, **more)


def of_container(folder: Path, **changed: Any) -> LicenseRequest:
    """The request of the container of tests/support/hosts.py, with what is *changed*."""
    root = folder / f"host-{len(list(folder.iterdir()))}"
    root.mkdir()
    return of_host(hosts.container(root, **changed))


def line_of(request: LicenseRequest) -> LicenseRequest:
    """What the host key line says of the same host."""
    return LicenseRequest(request.key, request.name, request.profile)
