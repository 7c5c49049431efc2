"""Every vector of tests/vectors gives what it expects."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from license_core import b64url, hostkey, request
from license_core.errors import LicenseError
from license_core.guard import Memory
from license_core.publickey import PublicKey
from license_core.settings import Settings
from license_core.verify import check
from tests.vectors import generate

FOLDER = Path(__file__).resolve().parents[1] / "vectors"
CASES = sorted(FOLDER.glob("*.txt"))


class Vector:
    """A file, as tests/vectors/README.md describes it."""

    def __init__(self, path: Path) -> None:
        head, _, self.body = path.read_bytes().partition(b"\n\n")
        self.lines = dict(line.split(": ", 1) for line in head.decode().splitlines())

    def json(self, name: str, default: Any = None) -> Any:
        return json.loads(self.lines[name]) if name in self.lines else default


def outcome(vector: Vector) -> str:
    kinds = {
        "host": _host,
        "text": _text,
        "license": _license,
        "thumbprint": _thumbprint,
        "signature": _signature,
    }
    return kinds[vector.lines["kind"]](vector)


def _host(vector: Vector) -> str:
    facts, profile = generate.facts(json.loads(vector.body)), vector.lines["profile"]
    try:
        key = hostkey.derive(facts, profile)
    except LicenseError as error:
        return f"refused {error.slug}"
    assert hostkey.tags(facts, profile) == vector.json("tags")
    return f"key {key.key}"


def _text(vector: Vector) -> str:
    try:
        found = request.parse(vector.body.decode())
    except LicenseError as error:
        return f"refused {error.slug}"
    return f"request {generate.dumps(found.to_dict())}"


def _thumbprint(vector: Vector) -> str:
    return f"kid {PublicKey.from_jwk(json.loads(vector.body)).kid}"


def _signature(vector: Vector) -> str:
    key = PublicKey(b64url.decode(vector.lines["x"]))
    holds = key.verifies(b64url.decode(vector.lines["signature"]), vector.body)
    return "holds" if holds else "does not hold"


def _license(vector: Vector) -> str:
    memory, beside = vector.json("memory"), vector.lines.get("revocations")
    report = check(
        vector.body,
        roots=(PublicKey.from_pem((FOLDER / "root.pub.pem").read_text("ascii")),),
        facts=generate.facts(vector.json("host")),
        now=int(vector.lines["now"]),
        settings=Settings(**vector.json("settings", {})),
        memory=None if memory is None else Memory(**memory),
        revocations=None if beside is None else base64.b64decode(beside),
    )
    assert report.ok is (report.exit_code == 0)
    if report.ok:
        quiet = {"address-may-change"}  # the host of the vectors is on Docker's default network
        notices = [notice.slug for notice in report.notices if notice.slug not in quiet]
        assert notices == vector.lines.get("notices", "").split()
        return "holds"
    details = report.problems[0].facts.get("details", ())
    if "details" in vector.lines:
        assert [detail.slug for detail in details] == vector.lines["details"].split()
    return " ".join(("refused", *(error.slug for error in report.problems)))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    vector = Vector(path)
    assert outcome(vector) == vector.lines["expect"]


def test_the_vectors_are_what_their_generator_writes() -> None:
    made = generate.all_files()
    kept = {path.name: path.read_bytes() for path in (*CASES, FOLDER / "root.pub.pem")}
    assert kept == made


def test_there_are_enough_vectors_of_each_kind() -> None:
    kinds = [Vector(path).lines["kind"] for path in CASES]
    assert len(kinds) >= 60
    assert {kind: kinds.count(kind) > 1 for kind in kinds} == dict.fromkeys(
        ("host", "text", "license", "thumbprint", "signature"), True
    )
