"""The search words of a name."""

import re
import unicodedata
from collections.abc import Iterator

_MOST = 200  # a name has no more characters
_LONGEST = 64
# Scripts without spaces: every character may begin a word.
_UNSPACED = "\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_LATIN_FORMS = frozenset(
    "inc incorporated ltd limited llc llp plc co company corp corporation gmbh mbh ag kg se sa sas "  # noqa: SIM905
    "sarl srl spa bv nv ab oy aps pty pte kk".split()
)
_CHINESE_FORMS = ("股份有限公司", "有限责任公司", "有限公司", "公司")
"""What a company's name may end with, or not."""
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")


def words(name: str, *, whole: bool = False) -> list[str]:
    """The words of *name* in lower case, each once; *whole*: as somebody who searches types them.

    A run of Chinese is a word from each of its characters on, so that any part of it is found by
    its beginning.
    """
    text = unicodedata.normalize("NFKC", name).lower()
    found = (run if whole else part for run in _RUNS.findall(text) for part in _parts(run))
    return list(dict.fromkeys(word[:_LONGEST] for word in found))[:_MOST]


def alike_key(name: str) -> str | None:
    """What names share that people take for one: no case, spaces, signs, width or legal form.

    None for a name without letters or digits.
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    found = _RUNS.findall(text)
    while len(found) > 1 and found[-1] in _LATIN_FORMS:
        found.pop()
    whole = "".join(found)
    form = next(
        (form for form in _CHINESE_FORMS if whole.removesuffix(form) not in ("", whole)), ""
    )
    return whole.removesuffix(form)[: _LONGEST - 1] or None


def _parts(run: str) -> Iterator[str]:
    unspaced = re.match(f"[{_UNSPACED}]", run)
    yield from (run[start:] for start in range(len(run) if unspaced else 1))
