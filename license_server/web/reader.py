"""Who reads a page: in which language, in which time zone, on light or dark ground.

Cookies that only say how things are shown; nothing is decided by them.
"""

import gettext
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from starlette.requests import Request

from license_server.licenses.term_days import at

LANGUAGES = {"en": "English", "zh": "中文"}
THEMES = ("auto", "light", "dark")
DENSITIES = ("roomy", "dense")
COOKIES = {
    "language": "hostseal_language",
    "zone": "hostseal_zone",
    "theme": "hostseal_theme",
    "density": "hostseal_density",
}
"""What a reader may choose, and the cookie that keeps it."""
_CATALOGUES = (("license_server.web", "locale/zh.mo"), ("license_cli", "locale/zh.mo"))


class Marks(NamedTuple):
    """What stands between the parts of a sentence."""

    stop: str
    comma: str
    semicolon: str
    colon: str


_MARKS = {"en": Marks(".", ", ", "; ", ": "), "zh": Marks("。", "，", "；", "：")}


class Reader(NamedTuple):
    """How pages are shown to somebody."""

    language: str
    zone: str
    """A name of the IANA time zone database."""
    theme: str
    """``light``, ``dark``, or ``auto``: as the system has it."""
    density: str = DENSITIES[0]
    """Of lists."""

    @classmethod
    def of(cls, request: Request, zone: str) -> "Reader":
        """The reader of *request*; *zone* is used where they have said none."""
        said = {name: request.cookies.get(cookie, "") for name, cookie in COOKIES.items()}
        return cls(
            said["language"] if said["language"] in LANGUAGES else _accepted(request),
            said["zone"] if is_zone(said["zone"]) else zone,
            said["theme"] if said["theme"] in THEMES else "auto",
            said["density"] if said["density"] in DENSITIES else DENSITIES[0],
        )

    @property
    def there(self) -> ZoneInfo:
        """The reader's time zone."""
        return ZoneInfo(self.zone)

    def at(self, instant: int) -> datetime:
        """An instant where the reader is."""
        return at(instant, self.there)

    def when(self, instant: int) -> str:
        """An instant where the reader is, as text; in UTC, which is said, beyond their calendar."""
        there = self.at(instant)
        zone = " UTC" if there.tzinfo is UTC else ""  # not the reader's, which would be a ZoneInfo
        return f"{there:%Y-%m-%d %H:%M}{zone}"

    def midnight(self, text: str, later: int = 0) -> int:
        """When a day that is typed, such as ``2026-11-30``, begins there, or so many days *later*.

        Raises ValueError or OverflowError.
        """
        day = date.fromisoformat(text) + timedelta(later)
        return int(datetime.combine(day, time(), self.there).timestamp())

    @property
    def marks(self) -> Marks:
        """The punctuation of their language."""
        return _MARKS[self.language]

    @property
    def catalogue(self) -> gettext.NullTranslations:
        """The words of their language, by the English ones."""
        return catalogue(self.language)


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue of *language*; of English, what stands in the code."""
    if language == "en":
        return gettext.NullTranslations()
    found: list[gettext.GNUTranslations] = []
    for package, path in _CATALOGUES:
        with files(package).joinpath(path).open("rb") as stream:
            found.append(gettext.GNUTranslations(stream))
    pages, client = found
    pages.add_fallback(client)  # its sentences and remedies are shown here too
    return pages


def is_zone(name: str) -> bool:
    """Whether *name* is a time zone."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _accepted(request: Request) -> str:
    """The language that the browser asks for first (RFC 9110 section 12.5.4), of those we have."""
    for part in request.headers.get("accept-language", "")[:200].split(","):
        language = part.partition(";")[0].strip()[:2].lower()
        if language in LANGUAGES:
            return language
    return "en"
