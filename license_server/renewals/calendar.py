"""Writes a calendar of what expires (RFC 5545), an all-day event a licence.

Lines end with CRLF and are folded at 75 octets, between characters. An event is known by its
lineage, so that a renewal moves it. Nothing in a calendar depends on when it is asked for: of the
same licences it is the same bytes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from license_server.licenses.license_store import StoredLicense

MEDIA_TYPE = "text/calendar; charset=utf-8"
MOST = 1000
"""So many events a calendar has: those that come first."""
AHEAD, BACK = 400, 31
"""So many days before and after today they are."""
_PRODUCT = "-//Hostseal//Renewals//EN"
_OCTETS = 75
_REFRESHED = "PT6H"
_UNSEEN = {code: " " for code in (*range(32), 127) if code != ord("\n")}


class Event(NamedTuple):
    """What a calendar says of a licence."""

    uid: str
    stamp: int
    """When it was written: when the licence was issued."""
    day: date
    summary: str
    description: str
    url: str | None


def uid_of(stored: StoredLicense, vendor: str) -> str:
    """The UID of the event of a lineage: the same for all calendars of a *vendor*."""
    mark = hashlib.sha256(vendor.encode("utf-8")).hexdigest()[:16]
    return f"{stored.line}@{mark}.hostseal"


def write(name: str, events: Sequence[Event]) -> bytes:
    """The calendar of this *name*."""
    return b"".join(_folded(line) for line in _lines(name, events))


def _lines(name: str, events: Sequence[Event]) -> Iterator[str]:
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield f"PRODID:{_PRODUCT}"
    yield "CALSCALE:GREGORIAN"
    yield f"NAME:{escaped(name)}"  # RFC 7986; the next ones are what programs read before it
    yield f"X-WR-CALNAME:{escaped(name)}"
    yield f"REFRESH-INTERVAL;VALUE=DURATION:{_REFRESHED}"
    yield f"X-PUBLISHED-TTL:{_REFRESHED}"
    for one in events:
        yield "BEGIN:VEVENT"
        yield f"UID:{one.uid}"
        yield f"DTSTAMP:{datetime.fromtimestamp(one.stamp, UTC):%Y%m%dT%H%M%SZ}"
        yield f"DTSTART;VALUE=DATE:{_day(one.day)}"
        if one.day < date.max:
            yield f"DTEND;VALUE=DATE:{_day(one.day + timedelta(1))}"
        yield f"SUMMARY:{escaped(one.summary)}"
        yield f"DESCRIPTION:{escaped(one.description)}"
        if one.url is not None:
            yield f"URL:{one.url}"
        yield "TRANSP:TRANSPARENT"
        yield "END:VEVENT"
    yield "END:VCALENDAR"


def _day(day: date) -> str:
    return day.isoformat().replace("-", "")


def escaped(text: str) -> str:
    """*text* as a value (RFC 5545 section 3.3.11), without control characters."""
    plain = text.replace("\r\n", "\n").translate(_UNSEEN)
    for sign in ("\\", ";", ","):
        plain = plain.replace(sign, f"\\{sign}")
    return plain.replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """*line* in pieces of at most 75 octets, the later ones behind a blank (section 3.1)."""
    pieces: list[bytes] = []
    piece = b""
    for character in line:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > _OCTETS:
            pieces.append(piece)
            piece = b" "
        piece += octets
    return b"\r\n".join([*pieces, piece]) + b"\r\n"
