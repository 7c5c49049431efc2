"""Armour: the short way for files as they were issued gives what the long way gives."""

import random
import re
from collections.abc import Iterator

import pytest

from license_core import armor
from tests.vectors import material

CASES, CASES_TORTURE = 1_500, 300_000
GOOD = material.file()
ROTATED = material.whole(
    material.rotation(1, material.OTHER_ROOT), material.keyset_by(material.OTHER_ROOT)
)
LABELS = [armor.LICENSE, armor.KEYSET, armor.ROOTS, armor.REVOCATIONS, armor.REQUEST]
WORDS = ["BEGIN", "END", "LICENSE", "KEYSET", "ROOTS", "-----", "-", "------", "\n", " ", "\n\n"]
PIECES = [*WORDS, "BEGIN\nLICENSE", "END\nLICENSE-----", "-----END\nLICENSE ROOTS-----", "AAAA",
          "-----BEGIN ", "LICENSE-----\n", "eyJ", "\0", "\0\0\0\0", "\r", "\t", ">", "=", "=\n",
          "=2D", "\ufeff", "\u200b", "\u00a0", "\u2014", "\u2013", "\x1c", "."]  # fmt: skip
SPELLED = ["AAAA", "AAAA", "\n", "-", "END\n", "BEGIN\n", "END\nLICENSE-----", "-----END\nLICENSE",
           "-----BEGIN\nLICENSE\nROOTS-----", "-----END\n\nLICENSE\nROOTS-----"]  # fmt: skip
"""What a token may have in it, and may be more than a token."""
FRONTS = [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", bytes(900), b"\0", b"-", b"----\n", b"END "]


def either(data: bytes, long_way: bool) -> dict[str, list[str]] | str:
    """The blocks of *data*, or why there are none."""
    try:
        return armor.undo_mail(data) if long_way else armor.unwrap(data)
    except armor.ArmorError as error:
        return str(error)


def written(chance: random.Random) -> bytes:
    """Blocks as they are issued, of tokens in which markers may be spelled."""
    blocks = []
    for _ in range(chance.randrange(1, 4)):
        label = chance.choice(LABELS)
        token = "".join(chance.choices(SPELLED, k=chance.randrange(1, 9)))
        blocks.append(f"-----BEGIN {label}-----\n{token}\n-----END {label}-----\n")
    return "".join(blocks).encode()


def texts(count: int, seed: int) -> Iterator[bytes]:
    """Licence files and what looks like them, each with up to three changes."""
    chance = random.Random(seed)
    for _ in range(count):
        data = chance.choice([GOOD, ROTATED, GOOD + written(chance), written(chance)])
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(data) + 1)
            size = chance.choice([0, 0, 1, 5, 60])
            piece = "".join(chance.choices(PIECES, k=chance.randrange(4))).encode()
            data = data[:at] + piece + data[at + size :]
        yield chance.choice([b"", b"", b"", b"a title\n", *FRONTS]) + data


def differing(count: int, seed: int) -> tuple[list[bytes], int]:
    """The texts that both ways read differently, and how many were read by the short one."""
    found, short = [], 0
    for data in texts(count, seed):
        if either(data, long_way=False) != either(data, long_way=True):
            found.append(data)
        short += armor.is_as_issued(data)
    return found, short


def test_short_way_and_long_way_read_mutated_files_alike() -> None:
    found, short = differing(CASES, seed=1)
    assert found == []
    assert short > CASES // 10, "too few files go the short way"


@pytest.mark.torture
def test_short_way_and_long_way_read_300_000_mutated_files_alike() -> None:
    found, short = differing(CASES_TORTURE, seed=2)
    print(f"\narmour: {CASES_TORTURE} files, of which {short} went the short way; all read alike")
    assert found == []


def test_files_as_issued_go_the_short_way() -> None:
    assert all(map(armor.is_as_issued, (GOOD, ROTATED, b"\xe4\xb8\x8a: a title\n" + GOOD)))


DASHES = "[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]{1,5}"
WHITE = r"[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
MARKER = re.compile(
    f"{DASHES}{WHITE}*(BEGIN|END){WHITE}+LICENSE(?:{WHITE}+([A-Z]+))?{WHITE}*{DASHES}"
)
"""SPEC section 4.3 step 2 to the letter."""


def paired(text: str) -> dict[str, list[str]] | None:
    """Steps 2 and 3 to the letter; None where the text is cut off."""
    blocks: dict[str, list[str]] = {}
    begun, start = None, 0
    for marker in MARKER.finditer(text):
        label = f"LICENSE {marker[2]}" if marker[2] else "LICENSE"
        if (marker[1] == "BEGIN") is (begun is not None) or begun not in (None, label):
            return None
        if begun is None:
            begun, start = label, marker.end()
        else:
            token = re.sub(r"\s", "", text[start : marker.start()])
            blocks.setdefault(label, []).append(token)
            begun = None
    return None if begun else blocks


def test_markers_are_found_as_the_spec_says() -> None:
    chance = random.Random(3)
    labels = ["LICENSE", "LICENSE", " ROOTS", "BEGIN", "END"]
    for _ in range(3 * CASES):
        text = "".join(chance.choices([*PIECES, *labels, "-", "----", "\u2014"], k=24))
        expected = paired(text)
        try:
            found = armor.find_blocks(text)
        except armor.ArmorError:
            found = None
        assert found == expected, text
