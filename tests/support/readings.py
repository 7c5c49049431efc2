"""What the core reads of files and hosts, asked of any Python from 3.8 on.

As a program it prints, for each question on a line of its input, the answer as JSON.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from license_core import b64url, hostkey, hostline, memory, requirements, settings, stability
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.parcel import open_parcel
from license_core.probe import read_facts
from tests.vectors.ours import Vector
from tests.vectors.ours import answer as answer_to_vector

HOST = HostFacts("studio2_gpu", "172.17.0.2", "5e" * 16, "5f" * 32)
"""Whose state files are read."""
_NOW = 1_800_000_000
_OF_TOML = re.compile(r"(it is not TOML) \(.*", re.DOTALL)
"""Why a text is no TOML each reader says in words of its own."""


def question(kind: str, given: bytes, **more: Any) -> str:
    """A line that asks what is read of *given*."""
    return json.dumps({"kind": kind, "given": base64.b64encode(given).decode(), **more})


def answer(line: str) -> str:
    """What is read, or why nothing is, as JSON."""
    asked = json.loads(line)
    read = _READERS[asked.pop("kind")]
    try:
        given = {"read": read(base64.b64decode(asked.pop("given")), **asked)}
    except (ValueError, LicenseError) as error:
        given = {"refused": _OF_TOML.sub(r"\1", str(error))}
    return json.dumps(given)


def _vector(path: bytes) -> Any:
    return answer_to_vector(Vector(Path(path.decode())))


def _settings(data: bytes) -> Any:
    return list(settings.parse(data, "hostseal.toml"))


def _requirements(data: bytes) -> Any:
    return list(requirements.parse(data))


def _state(data: bytes) -> Any:
    """The state file after another check, too."""
    read = memory.parse(data, HOST)
    after = read.advance(_NOW, "HS-2027-NEXT", 5, holds=True).remember_host(HOST)
    return [repr(read), memory.dump(after, HOST).decode()]


def _parcel(data: bytes) -> Any:
    parcel = open_parcel(data)
    return [base64.b64encode(parcel.data).decode(), parcel.what and str(parcel.what)]


def _base64(text: bytes) -> Any:
    found = []
    for decode in (b64url.decode, b64url.decode_standard):
        try:
            found.append(decode(text.decode()).hex())
        except ValueError as error:
            found.append(str(error))
    return found


def _host(root: bytes, env: dict[str, str], profile: str) -> Any:
    facts = read_facts(root.decode(), env)
    told = [*stability.notices(facts, profile), *stability.proposals(facts, profile)]
    key = hostkey.derive(facts, profile)
    return {
        "facts": repr(facts),
        "line": hostline.write(*key, check=True),
        "tags": hostkey.tags(facts, profile),
        "said": [(notice.sentence, notice.remedy()) for notice in told],
    }


_READERS: dict[str, Callable[..., Any]] = {
    "vector": _vector,
    "settings": _settings,
    "requirements": _requirements,
    "state": _state,
    "parcel": _parcel,
    "base64": _base64,
    "host": _host,
}


if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(line))
