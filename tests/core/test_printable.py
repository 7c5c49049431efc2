"""What others wrote is shown so that all of it is seen, and nothing passes for something else."""

import re
import unicodedata

import pytest

from license_core.errors import RequestDamagedError
from license_core.reason import Reason
from license_core.wording import printable

SIGNS = [
    "\\",
    "u",
    "U",
    "0",
    "e",
    "a",
    " ",
    "\u202e",
    "\ue004",
    "\U000e0041",
    "\n",
    "\u3164",
    "\u0301",
]
CODE = re.compile(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")


def read_back(shown: str) -> str:
    """The text that is shown so."""
    return CODE.sub(lambda code: chr(int(code[1] or code[2], 16)), shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ACME 上海", "ACME 上海"),
        (r"DOMAIN\admin", r"DOMAIN\admin"),
        (r"C:\new", r"C:\new"),
        ("\u202e", r"\u202e"),
        (r"\u202e", r"\u005cu202e"),
        ("\U000e0041", r"\U000e0041"),
        ("\ue0041", r"\ue0041"),
        (r"\ue0041", r"\u005cue0041"),
        ("\u3164", r"\u3164"),
        ("a\u2800b", r"a\u2800b"),
        ("   ", r"\u0020\u0020\u0020"),
        ("\u00a0", r"\u00a0"),
        (" \u3164", r"\u0020\u3164"),
        ("\u0301", r"\u0301"),
        ("a\ufe0f", r"a\ufe0f"),
        ("e\u0301", "e\u0301"),
        (" indented", " indented"),
    ],
)
def test_what_is_not_seen_is_shown_by_its_number(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_two_texts_are_never_shown_alike() -> None:
    texts = [a + b + c + d for a in SIGNS for b in SIGNS for c in SIGNS for d in SIGNS]
    texts += [rf"{sign}ue0041" for sign in SIGNS]
    assert [text for text in texts if read_back(printable(text)) != text] == []
    for text in texts:
        categories = {unicodedata.category(character) for character in printable(text)}
        assert categories.isdisjoint({"Cc", "Cf", "Co", "Cn", "Zl", "Zp"})


def test_value_in_a_sentence_is_escaped_once() -> None:
    reason = Reason("{value!r} is not a valid name", value="a\u202eb\\n")
    assert RequestDamagedError(reason=reason).sentence == (
        r"The request is damaged: 'a\u202eb\n' is not a valid name."
    )
