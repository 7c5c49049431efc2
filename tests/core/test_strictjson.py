"""Strict JSON: bounds that hold before anything is parsed."""

import json
import random
import subprocess
import sys
from typing import Any

import pytest

from license_core import strictjson

PIECES = ["[", "]", "{", "}", '"', '"', "\\", '\\"', ",", ":", "1", '"a"', '"["', '"]"', '"a":']


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def depth_of(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict | list) + max(map(depth_of, inside), default=0)


def shallow(text: str) -> Any:
    """The value of *text*; None where it is not JSON, or nested too deep."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if depth_of(value) <= strictjson.MAX_DEPTH else None


def loaded(text: str) -> Any:
    try:
        return strictjson.loads(text.encode())
    except ValueError:
        return None


def test_depth_is_measured_as_the_parser_would_find_it() -> None:
    chance = random.Random(1)
    for _ in range(3000):
        text = "".join(chance.choices(PIECES, k=chance.randrange(30)))
        if not chance.randrange(3):
            text = f"[{text},{nested(chance.randrange(5, 9))}]"
        value = shallow(text)
        if isinstance(value, dict) and "a" in value and text.count('"a"') > 1:
            continue  # a name may stand twice, which json does not tell
        assert loaded(text) == value, text


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (nested(8), True),
        (nested(9), False),
        (f"[{nested(7)},{nested(7)}]", True),
        (f'["{nested(9)}"]', True),
        (f'["\\"{nested(9)}"]', True),
        (f'["\\\\",{nested(8)},"["]', False),
        ('{"a":' * 8 + "1" + "}" * 8, True),
        ('{"a":' * 9 + "1" + "}" * 9, False),
        ('["[","["' + ',"["' * 20 + "]", True),
    ],
)
def test_eight_levels_are_read_and_nine_are_refused(text: str, holds: bool) -> None:
    assert (loaded(text) is not None) is holds


@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_has_at_most_4300_digits(sign: str) -> None:
    digits = "9" * strictjson.MAX_DIGITS
    assert loaded(f"[{sign}{digits}]") == [int(f"{sign}{digits}")]
    assert loaded(f"[{sign}{digits}9]") is None
    assert loaded(f"[{sign}{digits}9e1,{digits}.99]") is not None
    with pytest.raises(ValueError, match="an integer has more than 4300 digits"):
        strictjson.loads(f"[{sign}{digits}9]".encode())


def test_what_is_shown_is_what_the_standard_library_shows() -> None:
    chance = random.Random(2)

    def value(depth: int) -> Any:
        kind = chance.randrange(9 if depth else 6)
        if kind > 6:
            return {text(): value(depth - 1) for _ in range(chance.randrange(4))}
        items = [value(depth - 1) for _ in range(chance.randrange(4))] if kind == 6 else []
        return [None, True, False, -(10**20), 1.5, text(), items][kind]

    def text() -> str:
        return "".join(chance.choices('a"\\\n\x7fé工\ud800\U0001f511/', k=chance.randrange(5)))

    for _ in range(500):
        one = value(4)
        assert strictjson.shown(one) == json.dumps(one, indent=2)


def test_what_is_wrong_is_told_where_nobody_imported_the_standard_library_s_reader() -> None:
    told = (
        "import sys\nfrom license_core import strictjson\nassert 'json' not in sys.modules\n"
        "for text in (b'[3[4]]', b'{\"a\":1', b'[\"a', b'[1.2a]'):\n"
        "    try:\n        strictjson.loads(text)\n"
        "    except ValueError as error:\n        print(str(error)[:14])\n"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", "it is not JSON\n" * 4)
