"""What each of the two clients installs of files that programs changed: the same."""

import base64
import contextlib
import json
import random
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from license_core.parcel import open_parcel
from tests.support import native_client
from tests.support.damaged_files import SORTS_OF_TEXT
from tests.support.sent_files import FILES, SORTS
from tests.vectors import ours

_EACH_OF_OTHERS = 6
_PAIRS, _PAIRS_TORTURE = 150, 20_000
ONCE_DIFFERING = [
    ("line breaks: %0A", "Shift JIS with words"),
    ("a saved mail in base64", "the same twice"),
    ("a saved mail from Windows", "a ConfigMap"),
    ("U+034F in the lines", "GB 18030 with its hyphens and blanks"),
    ("U+2011 for each hyphen", "GB 18030 with its hyphens and blanks"),
]
_LICENCE = FILES["licence"]
_MAIL = SORTS_OF_TEXT["a mail forwarded as an attachment"](_LICENCE)
_QUOTED = SORTS_OF_TEXT["a saved mail in quoted-printable"](_LICENCE)
STRANGE = {
    "a name twice in JSON": json.dumps({"a": _LICENCE, "b": 0}).replace('"b"', '"a"'),
    "a letter with a mark": _LICENCE.replace("eyJ", "eyJ\u0301").replace("--", "\u2014"),
    "letters with marks beside": "Zu\u0308rich \uff71\n" + _LICENCE.replace("-", "\uff0d"),
    "a boundary behind backslashes": _MAIL.replace('boundary="', r"boundary=\\"),
    "a field without a name": ": x\n" + _MAIL,
    "a transfer that nobody uses": _QUOTED.replace("quoted-printable", "x-uuencode"),
    "a blank behind a soft break": _QUOTED.replace("=\n", "= \n"),
}


class Damaged(NamedTuple):
    """A file, and what was done to it, the first thing first."""

    data: bytes
    what: tuple[str, ...]


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("native") / "verifier"
    native_client.build("./verifier", program)
    return program


def damaged(text: str, *what: str) -> Damaged:
    """*text* after sorts of damage, of which the last may leave bytes."""
    changed: Any = text
    for name in what:
        changed = SORTS[name](changed)
    return Damaged(changed if isinstance(changed, bytes) else changed.encode(), what)


def differing(verifier: Path, files: Sequence[Damaged], folder: Path) -> list[Damaged]:
    """Those that the two clients open to other bytes, or call something else."""
    paths = [folder / f"{number}.txt" for number in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(b"kind: parcel\n\n" + file.data)
    asked = "".join(f"{path}\n" for path in paths)
    done = subprocess.run(
        [verifier, ours.ROOT], input=asked, capture_output=True, text=True, check=True
    )
    given = map(json.loads, done.stdout.splitlines())
    return [file for file, of in zip(files, given, strict=True) if not is_alike(file, of)]


def is_alike(file: Damaged, given: dict[str, Any]) -> bool:
    """Whether the answer is that of the client in Python."""
    opened = open_parcel(file.data)
    said = None if opened.what is None else str(opened.what)
    return (base64.b64decode(given["data"]), given.get("what")) == (opened.data, said)


def told(files: Iterable[Damaged]) -> str:
    """What was done to the files, in a line for each."""
    return "\n".join(" and ".join(file.what) for file in files)


def test_every_sort_of_damage_is_undone_alike(verifier: Path, tmp_path: Path) -> None:
    files = [damaged(FILES["licence"], name) for name in SORTS]
    for name in ("rotated", "list", "request"):
        files += [damaged(FILES[name], sort) for sort in list(SORTS)[::_EACH_OF_OTHERS]]
    assert sum(open_parcel(file.data).what is not None for file in files) > len(files) // 2
    assert not (others := differing(verifier, files, tmp_path)), told(others)


@pytest.mark.parametrize("count", [_PAIRS, pytest.param(_PAIRS_TORTURE, marks=pytest.mark.torture)])
def test_pairs_of_damage_are_undone_alike(count: int, verifier: Path, tmp_path: Path) -> None:
    chance = random.Random(count)
    names = (list(SORTS_OF_TEXT), list(SORTS))
    files: list[Damaged] = []
    while len(files) < count:
        pair = [chance.choice(of) for of in names]
        with contextlib.suppress(UnicodeError):  # an encoding has not what the first put in
            files.append(damaged(FILES[chance.choice(list(FILES))], *pair))
    others = differing(verifier, files, tmp_path)
    assert not others, told(others)


def test_what_was_once_undone_otherwise_is_undone_alike(verifier: Path, tmp_path: Path) -> None:
    files = [damaged(text, *pair) for pair in ONCE_DIFFERING for text in FILES.values()]
    files += [Damaged(text.encode(), (name,)) for name, text in STRANGE.items()]
    others = differing(verifier, files, tmp_path)
    assert not others, told(others)
