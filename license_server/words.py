"""The words of a name, by which it is found."""

import re
import unicodedata
from collections.abc import Iterator

_MOST = 200  # a name has no more characters
_LONGEST = 64
# Scripts without spaces: every character may begin a word.
_UNSPACED = "\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")


def words(name: str, *, whole: bool = False) -> list[str]:
    """The words of *name* in lower case, each once; *whole*: as somebody who searches types them.

    A run of Chinese is a word from each of its characters on, so that any part of it is found by
    its beginning.
    """
    text = unicodedata.normalize("NFKC", name).lower()
    found = (run if whole else part for run in _RUNS.findall(text) for part in _parts(run))
    return list(dict.fromkeys(word[:_LONGEST] for word in found))[:_MOST]


def _parts(run: str) -> Iterator[str]:
    unspaced = re.match(f"[{_UNSPACED}]", run)
    yield from (run[start:] for start in range(len(run) if unspaced else 1))
