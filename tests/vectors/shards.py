"""Vectors of shards: revocation lists of the licences whose digests begin alike (section 8)."""

from collections.abc import Iterator
from typing import Any

from license_core import armor, jws, strictjson
from license_core.revocation import Revocations, digest
from tests.vectors.material import (
    ISSUED,
    SIGNING,
    Case,
    file,
    in_base64,
    license_case,
)

_OURS = "HS-2027-0000TEST"
_DIGITS = digest(_OURS).hex()


def _block(prefix: Any, listed: list[str], number: int = 7, iat: int = ISSUED) -> str:
    """A shard, also one that no vendor would sign."""
    made = Revocations.of(listed, iss="Example Vendor", number=number, iat=iat)
    members = {**made.to_dict(), "prefix": prefix}
    token = jws.sign(strictjson.dumps(members), SIGNING, jws.REVOCATIONS)
    return armor.wrap(armor.REVOCATIONS, token)


def shards() -> Iterator[Case]:
    """What a shard says of its own licences, and of others (section 8.2)."""
    good, others = file(), "revocations-of-others"

    def case(
        name: str, beside: str, expect: str = "holds", body: bytes = good, **lines: Any
    ) -> Case:
        lines = {"spec": "8.2", **lines}
        if beside:
            lines["revocations"] = in_base64(beside)
        return license_case(f"shard-{name}", body, expect, **lines)

    revoked = "refused license-revoked"
    yield case("of-its-own", _block(_DIGITS[:2], []))
    yield case("of-its-own-revokes", _block(_DIGITS[:2], [_OURS]), revoked)
    yield case("of-the-whole-digest", _block(_DIGITS, [_OURS]), revoked)
    yield case("of-others", _block("d6", ["HS-2027-1"]), notices=others)
    yield case("of-others-by-the-last-digit", _block(_DIGITS[:3] + "f", []), notices=others)
    yield case("of-others-from-before", _block("d6", ["HS-2027-1"], iat=ISSUED - 1))
    yield case("of-others-revokes", _block("d6", [_OURS]), revoked)
    inside = good + _block("d6", [], 8).encode()
    yield case("of-others-inside", "", body=inside, notices=others)
    yield case(
        "of-others-beside-a-later-one", _block("d6", []), body=good + _block("3", [], 8).encode()
    )
    yield case("of-its-own-beside-a-later-one", _block("3", []), body=inside, notices=others)
    yield case("of-its-own-inside", "", revoked, good + _block("3e2", [_OURS]).encode())
    lost = {
        "seen_at": ISSUED,
        "license_iat": ISSUED,
        "license_jti": _OURS,
        "revocations_number": 8,
        "revocations_kid": SIGNING.public_key.kid,
    }
    dropped = f"{others} revocations-dropped"
    yield case("of-others-and-dropped", _block("d6", []), memory=lost, notices=dropped)
    yield case("of-a-list-that-was-seen", _block("3e", [], 8), memory=lost)
    for name, prefix in {
        "empty": "",
        "upper-case": "3E",
        "no-digit": "3g",
        "too-long": _DIGITS + "0",
        "a-number": 3,
        "null": None,
        "an-array": ["3e"],
    }.items():
        block = _block(prefix, ["HS-2027-1"])
        yield case(f"prefix-{name}", block, "refused revocations-invalid", spec="8.1")
