"""A bill of materials as CycloneDX 1.6 has it, of what ``requirements/`` pins with its hashes.

Which package needs which is read from what is installed here, where that is the pinned version.
"""

import json
import re
import tomllib
import uuid
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

KINDS = ("client", "server")
"""``pip install hostseal``, and with the extra ``server``; each has a file in requirements/."""
_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # of names that are URLs (RFC 9562)


class Pin(NamedTuple):
    """A package of which one version is taken."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """SHA-256, one of each file of this version."""

    @property
    def purl(self) -> str:
        """By which a bill of materials names it."""
        return f"pkg:pypi/{self.name}@{self.version}"


def pins(path: Path) -> list[Pin]:
    """What the file *path* pins, in its order. Raises ValueError: it is not of that form."""
    return pins_in(path.read_text("utf-8"), path.name)


def pins_in(text: str, name: str) -> list[Pin]:
    """The same of the *text* of a file; *name* is for messages."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        line = line.partition(" #")[0].strip()  # noqa: PLW2901
        if not line or line.startswith("#"):
            continue
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line)
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
        if match is None or not hashes:
            raise ValueError(f"{name}: {line[:60]!r} is not pinned with its hashes")
        plain = re.sub(r"[-_.]+", "-", match[1]).lower()
        found.append(Pin(plain, match[2], tuple(sorted(hashes))))
    return found


def text(folder: Path, kind: str, epoch: int) -> str:
    """The bill of *kind* for the sources in *folder*; *epoch*: the instant that it names."""
    return json.dumps(bill(folder, kind, epoch), indent=1, sort_keys=True) + "\n"


def bill(folder: Path, kind: str, epoch: int) -> dict[str, Any]:
    """The same, as members."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    ours = Pin(project["name"], project["version"], ())
    held = {pin.name: pin for pin in pins(folder / "requirements" / f"{kind}.txt")}
    optional = project["optional-dependencies"]["server"] if kind == "server" else []
    first = _names([*project["dependencies"], *optional]) & held.keys()
    needs = {ours.purl: first} | {pin.purl: _needs(pin) & held.keys() for pin in held.values()}
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": ours.purl,
                "name": ours.name,
                "version": ours.version,
                "description": project["description"],
                "purl": ours.purl,
            },
        },
        "components": [_component(pin) for pin in held.values()],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(held[name].purl for name in names)}
            for ref, names in needs.items()
        ],
    }
    name = uuid.uuid5(_SPACE, json.dumps(made, sort_keys=True))
    return made | {"serialNumber": name.urn}


def _component(pin: Pin) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        "hashes": [{"alg": "SHA-256", "content": one} for one in pin.hashes],
    }


def _needs(pin: Pin) -> set[str]:
    found = _installed(pin)
    return set() if found is None else _names(found.requires or ())


def _installed(pin: Pin) -> Distribution | None:
    try:
        found = distribution(pin.name)
    except PackageNotFoundError:
        return None
    return found if found.version == pin.version else None


def _names(requirements: Any) -> set[str]:
    """The names of those that are needed without an extra, whatever the machine."""
    wanted = map(Requirement, requirements)
    return {
        re.sub(r"[-_.]+", "-", one.name).lower()
        for one in wanted
        if one.marker is None or "extra" not in str(one.marker)
    }
