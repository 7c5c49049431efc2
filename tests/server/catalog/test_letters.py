"""Letters as texts with places: what is refused, and how they are filled."""

from typing import Any

import pytest

from license_server.catalog import letters
from license_server.catalog.faults import faults_of
from license_server.catalog.letter_texts import KINDS, LANGUAGES, PLACES, WITH_LICENCES, default_of
from license_server.catalog.letters import LONGEST
from license_server.db.errors import InputInvalidError
from license_server.licenses.acts import ACTS

EMPTY = dict.fromkeys(PLACES, "")


def refused(text: object, kind: str = "issued", language: str = "en") -> list[tuple[str, str]]:
    """The fields that are wrong with a letter, and why."""
    with pytest.raises(InputInvalidError) as caught:
        letters.read({kind: {language: text}})
    return [(fault.field, str(fault.error.facts["reason"])) for fault in faults_of(caught.value)]


def test_default_letters_use_known_places_only_and_are_stored_as_defaults() -> None:
    for language in LANGUAGES:
        found = letters.read({kind: {language: default_of(kind, language)} for kind in KINDS})
        assert found == {kind: {language: None} for kind in KINDS}


def test_places_are_filled_in_and_a_doubled_brace_is_a_brace() -> None:
    values = EMPTY | {"number": "HS-1", "product": "{host}", "host": "gpu"}
    made = letters.filled("Licence {number}\n{{{product}}} on {host}{{}}\n", values)
    assert made == ("Licence HS-1", "{{host}} on gpu{}\n")  # what is filled in is not read again


def test_line_whose_places_are_all_empty_is_left_out_with_one_blank_line_around_it() -> None:
    text = "S\nA\n\nOrder: {contract}\n\n{customer} {contract}\n\n\n\nB\n"
    assert letters.filled(text, EMPTY | {"customer": "ACME"})[1] == "A\n\nACME \n\nB\n"
    assert letters.filled(text, EMPTY)[1] == "A\n\nB\n"


def test_value_of_several_lines_is_indented_as_its_place() -> None:
    values = EMPTY | {"commands": "one\n\ntwo"}
    assert letters.filled("S\n    {commands}\n", values)[1] == "    one\n\n    two\n"
    assert letters.filled("{commands}\nRun {commands}.\n", values) == ("one two", "Run one  two.\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("S\n\nDear {nmae}", "line 3: there is no place {nmae}; there are: {heading} {greeting}"),
        ("S\n{number}{}", "line 2: there is no place {}"),
        ("S\n{ number }", "line 2: there is no place { number }"),
        ("S\n{{number}", "line 2: a brace stands alone; write {{ or }}"),
        ("S {number", "line 1: a brace stands alone"),
        ("S\n\u202eevil", "line 2: it has the control character U+202E"),
        ("S\nA\tB", "line 2: it has the control character U+0009"),
        ("S\nA\x00B", "line 2: it has the control character U+0000"),
        ("x" * (LONGEST + 1), f"it has {LONGEST + 1} characters; 1 to {LONGEST} are allowed"),
        (7, "it is not a string"),
    ],
)
def test_wrong_letter_is_refused_with_its_line(text: object, reason: str) -> None:
    ((field, told),) = refused(text)
    assert field == "issued.en"
    assert told.startswith(reason)


def test_every_wrong_letter_is_told_at_once() -> None:
    given = {"moved": {"en": "{x}", "zh": "{y}", "fr": "bonjour"}, "sold": {}, "renewed": "text"}
    with pytest.raises(InputInvalidError) as caught:
        letters.read(given)
    fields = {fault.field for fault in faults_of(caught.value)}
    assert fields == {"moved.en", "moved.zh", "moved.fr", "sold", "renewed"}


@pytest.mark.parametrize("text", ["", " \r\n\n ", None])
def test_blank_letter_is_the_default(text: Any) -> None:
    assert letters.read({"moved": {"zh": text}})["moved"] == {"zh": None}


def test_letter_keeps_right_to_left_text_and_loses_blanks_at_the_ends_of_lines() -> None:
    found = letters.read({"issued": {"en": "\n\nרישיון {number}  \r\n  x \n\n"}})
    assert found["issued"] == {"en": "רישיון {number}\n  x\n"}


def test_every_action_has_a_letter() -> None:
    kinds = {act.name: letters.kind_of(act.name) for act in ACTS.values() if act.issues}
    assert set(kinds.values()) == set(WITH_LICENCES)
    assert (kinds["issue"], kinds["rehost"], kinds["reinstate"]) == ("issued", "moved", "changed")


def test_letter_of_which_nothing_is_left_as_subject_has_its_first_line() -> None:
    told = letters.filled("{contract}\n{kind}\n\n{greeting}\nBye\n", EMPTY | {"greeting": "Hello,"})
    assert told == ("Hello,", "Hello,\nBye\n")
