"""Verification in plain Python: it answers as ``cryptography`` does, and takes its place."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core import ed25519, publickey
from license_core.publickey import PublicKey
from tests.support.cli import REPOSITORY

CASES, CASES_TORTURE = 240, 1_000_000
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Affine = tuple[int, int]


class Case(NamedTuple):
    """A signature to verify; *said* is the answer where the way it was made settles it."""

    key: bytes
    signature: bytes
    message: bytes
    said: bool | None = None


# The curve once more, slowly and by the textbook (RFC 8032 section 5.1)


def plus(one: Affine, other: Affine) -> Affine:
    (x1, y1), (x2, y2) = one, other
    common = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + common, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - common, -1, P) % P


def written(point: Affine) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def read(raw: bytes) -> Affine:
    number = int.from_bytes(raw, "little")
    y = number & (2**255 - 1)
    x_squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x_squared, (P + 3) // 8, P)
    if x * x % P != x_squared:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x if x & 1 == number >> 255 else P - x), y


ORDER_8 = read(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"))
TORSION = [(0, 1)]
for _ in range(7):
    TORSION.append(plus(TORSION[-1], ORDER_8))


def secret(seed: bytes) -> int:
    """The scalar of a private key (RFC 8032 section 5.1.5)."""
    half = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return half & (2**254 - 8) | 2**254


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


# Cases


def honest(chance: random.Random) -> Case:
    private = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
    message = chance.randbytes(chance.choice([0, 1, 32, 111, 112, 128, 700]))
    key = private.public_key().public_bytes_raw()
    return Case(key, private.sign(message), message, True)


def bit_flipped(chance: random.Random) -> Case:
    key, signature, message, _ = honest(chance)
    parts = [key, signature, message or b"\0"]
    which = chance.randrange(3)
    at = chance.randrange(len(parts[which]) * 8)
    part = bytearray(parts[which])
    part[at // 8] ^= 1 << at % 8
    parts[which] = bytes(part)
    key, signature, changed = parts
    return Case(key, signature, changed, False if which and message else None)


def s_beyond_the_order(chance: random.Random) -> Case:
    key, signature, message, _ = honest(chance)
    s = int.from_bytes(signature[32:], "little") + L * chance.randrange(1, 15)
    return Case(key, signature[:32] + s.to_bytes(32, "little"), message, False)


def torsion_added(chance: random.Random) -> Case:
    """A key and an R that both have a part of small order: valid where these cancel out."""
    seed, nonce, message = chance.randbytes(32), chance.randbytes(32), chance.randbytes(20)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    i, j = chance.randrange(8), chance.randrange(8)
    key = written(plus(read(public), TORSION[i]))
    base = Ed25519PrivateKey.from_private_bytes(nonce).public_key().public_bytes_raw()
    r = written(plus(read(base), TORSION[j]))
    k = challenge(r, key, message)
    s = (secret(nonce) + k * secret(seed)) % L
    return Case(key, r + s.to_bytes(32, "little"), message, (j + k * i) % 8 == 0)


def r_of_small_order(chance: random.Random) -> Case:
    seed, message = chance.randbytes(32), chance.randbytes(20)
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    point = chance.choice(TORSION)
    written_otherwise = point[1] + P if chance.random() < 0.3 and point[1] < 19 else point[1]
    sign = chance.choice([point[0] & 1, 1 - (point[0] & 1)])
    r = (written_otherwise | sign << 255).to_bytes(32, "little")
    s = challenge(r, key, message) * secret(seed) % L
    return Case(key, r + s.to_bytes(32, "little"), message, r == written((0, 1)))


def extreme(chance: random.Random) -> Case:
    """Fields at their ends."""
    ends = [0, 1, 2, L - 1, L, L + 1, P - 1, P, P + 1, 2**255 - 1, 2**255, 2**256 - 1, 2**252]
    key, r, s = (chance.choice(ends).to_bytes(32, "little") for _ in range(3))
    if chance.random() < 0.7:
        key = honest(chance).key
    return Case(key, r + s, chance.randbytes(4))


def noise(chance: random.Random) -> Case:
    return Case(chance.randbytes(32), chance.randbytes(64), chance.randbytes(9))


def other_length(chance: random.Random) -> Case:
    key, signature, message, _ = honest(chance)
    longer = signature + b"\0" if chance.random() < 0.5 else signature[: chance.randrange(64)]
    return Case(key, longer, message, False)


MAKERS: list[Callable[[random.Random], Case]] = [
    honest, bit_flipped, s_beyond_the_order, torsion_added, r_of_small_order, extreme, noise,
    other_length,
]  # fmt: skip


def cases(count: int, seed: int) -> Iterator[Case]:
    chance = random.Random(seed)
    for n in range(count):
        yield MAKERS[n % len(MAKERS)](chance)


def differing(count: int, seed: int) -> tuple[list[Case], int]:
    """The cases in which the two ways disagree, or with how the case was made; how many hold."""
    wrong, held = [], 0
    for case in cases(count, seed):
        try:
            PublicKey(case.key)
        except ValueError:
            continue
        library = publickey.by_library(case.key)
        assert library is not None
        plain = ed25519.verifies(case.key, case.signature, case.message)
        held += plain
        if plain != library(case.signature, case.message) or case.said not in (None, plain):
            wrong.append(case)
    return wrong, held


def test_plain_python_verifies_as_the_library_does() -> None:
    wrong, held = differing(CASES, seed=1)
    assert not wrong
    assert held > CASES / len(MAKERS) - 1  # honest ones, and some whose small parts cancel out


@pytest.mark.torture
def test_plain_python_verifies_a_million_as_the_library_does() -> None:
    wrong, held = differing(CASES_TORTURE, seed=int.from_bytes(os.urandom(8)))
    print(f"\n{CASES_TORTURE} signatures verified in both ways: {held} hold, {len(wrong)} differ")
    assert not wrong


def test_plain_python_agrees_with_wycheproof() -> None:
    path = REPOSITORY.parent / "shared" / "vectors" / "wycheproof_ed25519.json"
    if not path.exists():
        pytest.skip(f"published vectors: {path.name} is to be copied into {path.parent}")
    groups = json.loads(path.read_text("utf-8"))["testGroups"]
    told = [
        (one["tcId"], one["result"] == "valid", ed25519.verifies(*map(bytes.fromhex, given)))
        for group in groups
        for one in group["tests"]
        for given in [(group["publicKey"]["pk"], one["sig"], one["msg"])]
    ]
    assert len(told) > 100
    assert not [tc for tc, said, found in told if said != found]


WITHOUT_LIBRARY = """
import sys
sys.modules["cryptography"] = None  # as where it is not installed
from license_core.publickey import PublicKey
key, signature, message = (bytes.fromhex(word) for word in sys.argv[1:])
print([PublicKey(key).verifies(signature, message) for _ in range(40)] == [True] * 40)
"""
OFTEN = """
import sys
from license_core.publickey import PublicKey
key, signature, message = (bytes.fromhex(word) for word in sys.argv[1:])
for n in range(40):
    assert PublicKey(key).verifies(signature, message)
    if n == 3:
        print("cryptography" in sys.modules)
print("cryptography" in sys.modules)
"""


def told(script: str, *more: str) -> list[str]:
    key, signature, message, _ = honest(random.Random(3))
    words = [key.hex(), signature.hex(), message.hex(), *more]
    line = [sys.executable, "-c", script, *words]
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_verifies_where_the_library_is_not_installed() -> None:
    assert told(WITHOUT_LIBRARY) == ["True"]


def test_library_is_loaded_by_a_process_that_verifies_often() -> None:
    assert told(OFTEN) == ["False", "True"]


BROKEN_LIBRARY = """
import sys, types
class Panic(BaseException): pass
def fail(*_): raise Panic(sys.argv[4])
class Key:
    def verify(self, *_): fail()
    @classmethod
    def from_public_bytes(cls, raw):
        return fail() if sys.argv[4] == "reading" else cls()
for name in ("cryptography", "cryptography.exceptions", "cryptography.hazmat",
             "cryptography.hazmat.primitives", "cryptography.hazmat.primitives.asymmetric",
             "cryptography.hazmat.primitives.asymmetric.ed25519"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["cryptography.exceptions"].InvalidSignature = ValueError
if sys.argv[4] == "loading":
    sys.modules[name].__getattr__ = fail
else:
    sys.modules[name].Ed25519PublicKey = Key
from license_core.publickey import PublicKey
key, signature, message = (bytes.fromhex(word) for word in sys.argv[1:4])
assert not PublicKey(key).verifies(signature, message + b"x")
print([PublicKey(key).verifies(signature, message) for _ in range(40)] == [True] * 40)
"""


@pytest.mark.parametrize("where", ["loading", "reading", "verifying"])
def test_library_that_fails_is_as_good_as_none(where: str) -> None:
    assert told(BROKEN_LIBRARY, where) == ["True"]
