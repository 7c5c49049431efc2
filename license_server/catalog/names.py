"""What names share that people take for one."""

import re
import unicodedata

_LONGEST = 64
# Scripts without spaces.
_UNSPACED = "\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_LATIN_FORMS = frozenset(
    "inc incorporated ltd limited llc llp plc co company corp corporation gmbh mbh ag kg se sa sas "  # noqa: SIM905
    "sarl srl spa bv nv ab oy aps pty pte kk".split()
)
_CHINESE_FORMS = ("股份有限公司", "有限责任公司", "有限公司", "公司")
"""What a company's name may end with, or not."""
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")


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
