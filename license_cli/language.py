"""The client's language in this process: English or Chinese.

Words are looked up where they are said; what they are looked up by is the English text. A machine
that reads ``--json`` goes by slugs, so the words there stay English.
"""

from __future__ import annotations

import os

from license_core.reason import fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SAMPLES = {"en": "licence", "zh": "许可证"}
LANGUAGES = tuple(_SAMPLES)

_translate: Callable[[str], str] = str


def of_environment(environ: Mapping[str, str]) -> str:
    """The language of POSIX's locale variables: LC_ALL, LC_MESSAGES, LANG, in this order."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "zh" if environ[name].startswith("zh") else "en"
    return "en"


def charset_of_environment(environ: Mapping[str, str]) -> str | None:
    """The charset that POSIX's locale variables name, such as ``gbk``; None: Python knows better.

    Where that locale is not installed, as in most images, Python takes UTF-8, and a terminal in
    GBK shows rubbish.
    """
    if environ.get("PYTHONIOENCODING") or environ.get("PYTHONUTF8"):
        return None
    # Where no locale is installed Python sets LC_CTYPE itself (PEP 538).
    of_type = environ.get("LC_CTYPE", "").replace("C.UTF-8", "")
    named = environ.get("LC_ALL") or of_type or environ.get("LANG") or ""
    charset = named.partition(".")[2].partition("@")[0]
    if not charset or charset.lower() in ("utf-8", "utf8"):
        return None
    import codecs

    try:
        return codecs.lookup(charset).name
    except LookupError:
        return None


def can_be_written(language: str, charset: str | None) -> bool:
    """Whether *charset* has the characters of *language*: Big5 has only the traditional ones."""
    try:
        _SAMPLES[language].encode(charset or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def speak(language: str) -> None:
    """Say everything from now on in *language*, one of LANGUAGES."""
    global _translate  # noqa: PLW0603  # a process speaks one language
    if language == "en":
        _translate = str
        return
    import gettext
    import struct
    from io import BytesIO

    path = os.path.join(os.path.dirname(__file__), "locale", f"{language}.mo")
    try:
        # By what has imported this module: in the one file it lies beside it in an archive.
        catalogue = BytesIO(__loader__.get_data(path))  # type: ignore[name-defined]
        _translate = gettext.GNUTranslations(catalogue).gettext
    except (OSError, ValueError, struct.error):
        _translate = str  # a copy of the client without its catalogues speaks English


def is_english() -> bool:
    """Whether nothing needs to be translated."""
    return _translate is str


def tr(text: str, /, **facts: object) -> str:
    """*text* in the language of this process; with *facts*, these are in their places."""
    return fill(_translate(text), facts) if facts else _translate(text)
