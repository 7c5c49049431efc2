"""Vectors of texts of licences that were given back (SPEC section 4.6)."""

from collections.abc import Iterator

from license_core import armor, b64url, giveback, strictjson
from license_core.giveback import Returned
from license_core.request import LicenseRequest
from license_core.sha256 import sha256
from tests.vectors.material import Case, dumps
from tests.vectors.requests import KEY

FOLDER = "returned"
_NUMBER = "HS-2027-0000TEST"
_IAT = 1_800_000_000
_SECRET = bytes(range(32))


def _block(members: dict[str, object], check: str = "") -> str:
    payload = strictjson.dumps(members)
    found = b64url.encode(sha256(payload))[:8]
    return armor.wrap(armor.RETURN, f"{b64url.encode(payload)}.{check or found}")


def returns() -> Iterator[Case]:
    """Texts of licences that were given back (section 4.6)."""

    def case(name: str, text: str, expect: str = 'returned "damaged"') -> Case:
        told = {"kind": "return", "spec": "4.6", "expect": expect}
        return Case(f"{FOLDER}/{name}", told, text.encode())

    text = Returned(_NUMBER, _IAT, _SECRET).to_text()
    said = {"number": _NUMBER, "iat": _IAT, "digest": giveback.digest_of(_SECRET)}
    proven = f"returned {dumps(said)}"
    yield case("plain", text, proven)
    without = f"returned {dumps({**said, 'digest': None})}"
    yield case("without-secret", Returned(_NUMBER, _IAT).to_text(), without)
    quoted = "Hello,\r\n" + "".join(f"> {line}\r\n" for line in text.splitlines())
    yield case("quoted", quoted, proven)
    yield case("twice", f"{text}\n{quoted}", proven)
    yield case("long-dashes", text.replace("-----", "\u2014\u2014"), proven)
    later = {"ver": 1, "number": _NUMBER, "iat": _IAT, "secret": b64url.encode(_SECRET), "x": 1}
    yield case("unknown-member", _block(later), proven)
    yield case("none", "Hello", "returned null")
    yield case("a-request", LicenseRequest(KEY).to_text(), "returned null")
    yield case("of-two", text + Returned("HS-2027-1", _IAT).to_text())
    yield case("cut-off", text[: text.index("-----END")])
    yield case("wrong-checksum", _block(later, "AAAAAAAA"))
    yield case("version-2", _block({**later, "ver": 2}))
    yield case("without-number", _block({"ver": 1, "iat": _IAT}))
    yield case("secret-short", _block({**later, "secret": "A" * 42}))
    yield case("secret-with-unused-bits", _block({**later, "secret": "A" * 42 + "B"}))
