"""The answer of our own verifier to a vector, and what the vector promises of every verifier's.

As a program it answers as those in examples/verifiers do: for each line of its input, the path of a
vector, it prints the answer as JSON. It runs on every Python from 3.8 on.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from license_core import (
    b64url,
    giveback,
    hostkey,
    problems,
    received,
    request,
)
from license_core.errors import LicenseError, TrustedKeyInvalidError
from license_core.facts import HostFacts
from license_core.memory import Memory
from license_core.publickey import PublicKey
from license_core.settings import Settings
from license_core.verify import check

FOLDER = Path(__file__).parent
ROOT = FOLDER / "root.pub.pem"
CASES = sorted(FOLDER.glob("*.txt"))
SPOKEN = sorted([*FOLDER.glob("telephone/*.txt"), *FOLDER.glob("returned/*.txt")])
"""Those that a vendor's reader alone answers."""
# How a host is connected (SPEC section 3.5) is no part of a vector: nothing is said of it.
_OF_THE_HOST = {"address-may-change", "address-unconfirmed", "address-is-lent", "pod-is-replaced"}
_OF_THE_HOST |= {"engine-unknown", "machine-id-may-change", "machine-id-missing"}
_OF_THE_HOST |= {"machine-id-of-image", "network-of-another", "address-of-wsl"}
_EXIT_CODES = {problem.slug: problem.exit_code for problem in problems.PROBLEMS.values()}


class Vector:
    """A file, as README.md describes it."""

    def __init__(self, path: Path) -> None:
        head, _, self.body = path.read_bytes().partition(b"\n\n")
        self.lines = dict(line.split(": ", 1) for line in head.decode().splitlines())

    def json(self, name: str, default: Any = None) -> Any:
        return json.loads(self.lines[name]) if name in self.lines else default

    def promised(self) -> dict[str, Any]:
        """The members that an answer must have, as the lines of the file say."""
        word, _, rest = self.lines["expect"].partition(" ")
        slugs = rest.split() if word == "refused" else []
        promised: dict[str, Any] = {
            "problems": slugs,
            "exit_code": _EXIT_CODES[slugs[0]] if slugs else 0,
        }
        for name in ("details", "notices"):
            if name in self.lines:
                promised[name] = self.lines[name].split()
        if slugs:
            return promised
        promised["notices"] = self.lines.get("notices", "").split()
        kind = self.lines["kind"]
        if kind == "host":
            promised.update(key=rest, tags=self.json("tags"))
        elif kind in ("text", "telephone"):
            promised["request"] = json.loads(rest)
        elif kind == "return":
            promised["returned"] = json.loads(rest)
        elif kind == "thumbprint":
            promised["kid"] = rest
        elif kind == "signature":
            promised["holds"] = word == "holds"
        return promised


def facts(host: dict[str, Any]) -> HostFacts:
    """The facts of a host as a vector gives them: an empty text is none."""
    parts: dict[str, Any] = {name: host.get(name) or None for name in hostkey.COMPONENTS}
    more: dict[str, Any] = {
        name: None if value == "" else value for name, value in host.items() if name not in parts
    }
    return HostFacts(**parts)._replace(**more)


def answer(vector: Vector) -> dict[str, Any]:
    """What our own verifier says."""
    kinds = {
        "host": _host,
        "text": _text,
        "telephone": _telephone,
        "return": _return,
        "license": _license,
        "thumbprint": _thumbprint,
        "signature": _signature,
    }
    nothing: dict[str, Any] = {"problems": [], "notices": [], "details": [], "exit_code": 0}
    try:
        return {**nothing, **kinds[vector.lines["kind"]](vector)}
    except LicenseError as error:
        return {**nothing, "problems": [error.slug], "exit_code": error.exit_code}


def _host(vector: Vector) -> dict[str, Any]:
    host, profile = facts(json.loads(vector.body)), vector.lines["profile"]
    return {"key": hostkey.derive(host, profile).key, "tags": hostkey.tags(host, profile)}


def _text(vector: Vector) -> dict[str, Any]:
    return {"request": request.parse(vector.body.decode()).to_dict()}


def _telephone(vector: Vector) -> dict[str, Any]:
    return {"request": received.parse(vector.body.decode()).to_dict()}


def _return(vector: Vector) -> dict[str, Any]:
    try:
        found = giveback.parse(vector.body.decode())
    except ValueError:
        return {"returned": "damaged"}
    if found is None:
        return {"returned": None}
    named = None if found.secret is None else giveback.digest_of(found.secret)
    return {"returned": {"number": found.number, "iat": found.iat, "digest": named}}


def _thumbprint(vector: Vector) -> dict[str, Any]:
    return {"kid": _key(json.loads(vector.body)["x"]).kid}


def _signature(vector: Vector) -> dict[str, Any]:
    key = _key(vector.lines["x"])
    try:
        signature = b64url.decode(vector.lines["signature"])
    except ValueError:
        return {"holds": False}
    return {"holds": key.verifies(signature, vector.body)}


def _key(x: str) -> PublicKey:
    try:
        return PublicKey(b64url.decode(x))
    except ValueError as error:
        raise TrustedKeyInvalidError(path="roots", reason=str(error)) from error


def _license(vector: Vector) -> dict[str, Any]:
    beside, known = (_file(vector, name) for name in ("revocations", "known"))
    roots = [_key(x) for x in vector.json("roots", ())]
    report = check(
        vector.body,
        roots=tuple(roots) or (PublicKey.from_pem(ROOT.read_text("ascii")),),
        facts=facts(vector.json("host")),
        now=int(vector.lines["now"]),
        settings=Settings(**vector.json("settings", {})),
        memory=_memory(vector.json("memory")),
        revocations=beside,
        known=known,
    )
    assert report.ok is (report.exit_code == 0)
    differing = [problem.facts.get("details", ()) for problem in report.problems]
    return {
        "problems": [problem.slug for problem in report.problems],
        "notices": [it.slug for it in report.notices if it.slug not in _OF_THE_HOST],
        "details": [detail.slug for details in differing for detail in details],
        "exit_code": report.exit_code,
    }


def _file(vector: Vector, name: str) -> bytes | None:
    """A file beside the licence."""
    return base64.b64decode(vector.lines[name]) if name in vector.lines else None


def _memory(members: dict[str, Any] | None) -> Memory | None:
    if members is None:
        return None
    versions = ("roots_version", "keyset_version")
    rest = {name: value for name, value in members.items() if name not in versions}
    roots, keyset = (members.get(name, 0) for name in versions)
    returned = tuple(rest.pop("returned", ()))
    return Memory(trust=(roots, keyset), returned=returned, **rest)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(Vector(Path(line.rstrip("\n"))))))
