"""Mutated licence files: no changed payload is accepted, and only licence errors are raised."""

import random
import resource
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from license_core import (
    armor,
    b64url,
    jws,
)
from license_core.errors import LicenseError
from license_core.problems import PROBLEMS
from license_core.settings import Settings
from license_core.verify import check, open_license
from tests.vectors import material
from tests.vectors.ours import facts

MUTATIONS, MUTATIONS_TORTURE = 1_000, 1_000_000
ROOTS = (material.ROOT.public_key,)
FACTS = facts(material.HOST)
FILE = material.file()
ROTATED = material.whole(
    material.rotation(1, material.OTHER_ROOT), material.keyset_by(material.OTHER_ROOT)
)
"""The same licence, where the root was exchanged."""
CLAIMS = open_license(FILE, roots=ROOTS).license
CODES = {row.exit_code for row in PROBLEMS.values()} - {1}
MEBIBYTES = 64
REACHED = {
    "license-block-missing",
    "license-damaged",
    "license-several",
    "keyset-missing",
    "keyset-untrusted",
    "signing-key-unknown",
    "signature-invalid",
}


class Seen(NamedTuple):
    """What a campaign saw."""

    accepted: int
    refused: dict[str, int]
    slowest: float


def outcome(data: bytes) -> str:
    """``holds`` or the slug; AssertionError for anything that must not be."""
    report = check(
        data, roots=ROOTS, facts=FACTS, now=material.NOW, settings=Settings("darwin"), memory=None
    )
    if report.ok:
        assert report.license == CLAIMS, "another payload was accepted"
        return "holds"
    assert report.exit_code in CODES
    assert report.problems[0].sentence
    assert report.problems[0].remedy()
    return report.problems[0].slug


def campaign(mutants: Iterator[bytes]) -> Seen:
    accepted, refused, slowest = 0, dict[str, int](), 0.0
    for data in mutants:
        began = time.perf_counter()
        slug = outcome(data)
        slowest = max(slowest, time.perf_counter() - began)
        if slug == "holds":
            accepted += 1
        else:
            refused[slug] = refused.get(slug, 0) + 1
    return Seen(accepted, refused, slowest)


def flips(file: bytes, step: int = 1) -> Iterator[bytes]:
    for position in range(0, len(file) * 8, step):
        data = bytearray(file)
        data[position // 8] ^= 1 << position % 8
        yield bytes(data)


@pytest.mark.parametrize("step", [17, pytest.param(1, marks=pytest.mark.torture)])
def test_no_bit_flip_in_a_licence_file_changes_the_payload(step: int) -> None:
    """Of one bit in *step*; odd numbers reach every bit of a byte."""
    seen = campaign(flips(FILE, step))
    assert seen.accepted + sum(seen.refused.values()) == -(-len(FILE) * 8 // step)
    # Bits of the words for people, and of what the mail is allowed to do to the armour.
    assert seen.accepted < len(FILE) * 8 // step // 10


@pytest.mark.parametrize("step", [31, pytest.param(1, marks=pytest.mark.torture)])
def test_no_bit_flip_in_roots_or_keyset_changes_the_payload(step: int) -> None:
    seen = campaign(flips(ROTATED, step))
    flipped = len(ROTATED) * 8 // step
    assert seen.accepted < flipped // 10
    assert seen.refused["keyset-untrusted"] > flipped // 4


Mutator = Callable[[random.Random, bytearray], bytearray]


def _at(chance: random.Random, data: bytearray) -> int:
    return chance.randrange(len(data) + 1)


def _insert(chance: random.Random, data: bytearray) -> bytearray:
    at = _at(chance, data)
    return data[:at] + chance.randbytes(chance.randrange(1, 40)) + data[at:]


def _delete(chance: random.Random, data: bytearray) -> bytearray:
    at = _at(chance, data)
    return data[:at] + data[at + chance.randrange(1, 200) :]


def _repeat(chance: random.Random, data: bytearray) -> bytearray:
    at, size = _at(chance, data), chance.randrange(1, 400)
    return data[:at] + data[at : at + size] * chance.randrange(2, 9) + data[at + size :]


def _swap(chance: random.Random, data: bytearray) -> bytearray:
    first, second = sorted((_at(chance, data), _at(chance, data)))
    return data[second:] + data[first:second] + data[:first]


def _overwrite(chance: random.Random, data: bytearray) -> bytearray:
    for _ in range(chance.randrange(1, 20)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data


TEXTS = [
    "-----BEGIN LICENSE-----",
    "-----END LICENSE-----",
    "-----BEGIN LICENSE KEYSET-----",
    "-----END LICENSE KEYSET-----",
    "-----BEGIN LICENSE REVOCATIONS-----\nAAAA.BBBB.CCCC\n-----END LICENSE REVOCATIONS-----\n",
    "\u2014",
    "\u2013",
    "=\n",
    "=3D",
    "=E2=80=94",
    "\ufeff",
    "\0",
    "\u202e",
    "> ",
    ".",
    "..",
    "====",
    "[" * 50,
    '{"a":1}',
]


def _text(chance: random.Random, data: bytearray) -> bytearray:
    at = _at(chance, data)
    return data[:at] + chance.choice(TEXTS).encode() * chance.randrange(1, 4) + data[at:]


def _replace(chance: random.Random, data: bytearray) -> bytearray:
    old, new = chance.choice(["-", "\n", "L", ".", "e"]), chance.choice(TEXTS)
    return bytearray(data.replace(old.encode(), new.encode(), chance.randrange(1, 9)))


def _recode(chance: random.Random, data: bytearray) -> bytearray:
    coding = chance.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"])
    return bytearray(data.decode("latin-1").encode(coding))


def _claims(chance: random.Random, data: bytearray) -> bytearray:
    """Other claims under the signature that is there, or under one by another key."""
    changed = material.payload(**{chance.choice(["exp", "iat", "nbf"]): chance.randrange(2**53)})
    header, _, signature = material.token(material.payload()).split(".")
    forged = f"{header}.{b64url.encode(changed)}.{signature}"
    by_another = jws.sign(changed, chance.choice([material.STRANGER, material.ROOT]), jws.LICENSE)
    return bytearray(material.file(chance.choice([forged, by_another])))


def _parts(chance: random.Random, _: bytearray) -> bytearray:
    """The parts of both tokens in another order."""
    parts = [*material.token(material.payload()).split("."), *material.keyset().split(".")]
    chance.shuffle(parts)
    return bytearray(material.file(".".join(parts[:3]), ".".join(parts[3:])))


def _blocks(chance: random.Random, _: bytearray) -> bytearray:
    labels = [armor.LICENSE, armor.KEYSET, armor.ROOTS, armor.REVOCATIONS, armor.REQUEST]
    roots = armor.unwrap(ROTATED)[armor.ROOTS]
    tokens = [material.token(material.payload()), material.keyset(), *roots, "AAAA"]
    made = (
        armor.wrap(chance.choice(labels), chance.choice(tokens)) for _ in range(chance.randrange(5))
    )
    return bytearray("".join(made).encode())


MUTATORS: list[Mutator] = [
    _insert, _delete, _repeat, _swap, _overwrite, _text, _replace, _recode, _claims, _parts, _blocks
]  # fmt: skip


def mutants(count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(chance.choice([FILE, FILE, ROTATED]))
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            data = chance.choice(MUTATORS)(chance, data) or bytearray(b"\n")
        yield bytes(data)


def test_no_structured_mutation_changes_the_payload() -> None:
    seen = campaign(mutants(MUTATIONS, seed=1))
    assert seen.accepted + sum(seen.refused.values()) == MUTATIONS
    assert seen.refused.keys() >= REACHED, "the mutations do not reach far enough"


@pytest.mark.torture
def test_a_million_mutations_change_no_payload() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = campaign(mutants(MUTATIONS_TORTURE, seed=2))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    kinds = ", ".join(f"{slug} {n}" for slug, n in sorted(seen.refused.items()))
    print(
        f"\nmutations: {MUTATIONS_TORTURE}; {seen.accepted} left the payload as it was and were "
        f"accepted, no changed one was; slowest {seen.slowest * 1000:.1f} ms, "
        f"memory grew by {grown:.1f} MiB; {kinds}"
    )
    assert grown < MEBIBYTES


# Mail

Mail = Callable[[str], str]
MAILS: dict[str, Mail] = {
    "crlf": lambda t: t.replace("\r\n", "\n").replace("\n", "\r\n"),
    "bom": lambda t: "\ufeff" + t,
    "quoted": lambda t: "".join(f"> {line}\n" for line in t.splitlines()),
    "indented": lambda t: "".join(f"   {line}\n" for line in t.splitlines()),
    "blank lines": lambda t: "".join(f"{line}\n\n" for line in t.splitlines()),
    "spaces at the ends": lambda t: "".join(f"{line}  \n" for line in t.splitlines()),
    "non-breaking": lambda t: "".join(f"\u00a0{line}\n" for line in t.splitlines()),
    "invisible": lambda t: t.replace("\n", "\u200b\n"),
    "joined": lambda t: t.replace("\r", "").replace("\n", " "),
    "en dashes": lambda t: t.replace("-", "\u2013"),
    "minus signs": lambda t: t.replace("-", "\u2212"),
    "full-width": lambda t: t.replace("-", "\uff0d"),
    "em dashes": lambda t: t.replace("--", "\u2014"),
    "greeting": lambda t: f"您好，\n附件是许可证。\n\n{t}",
    "signature": lambda t: f"{t}\n-- \nSupport, +1-555-0100\n",
    "disclaimer": lambda t: f"{t}\n{'*' * 70}\nThis e-mail is CONFIDENTIAL.\n",
    "no last break": lambda t: t.rstrip("\n"),
}


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    changes=st.lists(st.sampled_from(sorted(MAILS)), max_size=6),
    printable=st.booleans(),
    coding=st.sampled_from(["utf-8", "utf-16", "utf-16-le"]),
)
def test_licence_survives_any_combination_of_mail_damage(
    changes: list[str], printable: bool, coding: str
) -> None:
    text = FILE.decode()
    for name in changes:
        text = MAILS[name](text)
    data = text.encode(coding)
    if printable and coding == "utf-8":
        import quopri

        data = quopri.encodestring(data)
    assert outcome(data) == "holds", changes


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.binary(max_size=3000))
def test_random_bytes_are_never_accepted_as_a_licence(data: bytes) -> None:
    assert outcome(data) != "holds"
    assert outcome(FILE[:400] + data + FILE[400:])


def test_open_license_raises_only_licence_errors() -> None:
    for data in mutants(300, seed=3):
        try:
            open_license(data, roots=ROOTS)
        except LicenseError as error:
            assert error.exit_code in CODES
