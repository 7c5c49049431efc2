"""The requests and host key lines in the texts of a mail, each host once.

The readers are those of every form (license_core); a form has one, and a mail may have several.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from license_core import hostline_reader, phonecode, received, terminal
from license_core.errors import LicenseError
from license_core.hostkey import DEFAULT_PROFILE
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_server.mail import lookalikes, quoting

_BEGIN = re.compile(r"BEGIN\s{1,9}LICENSE\s{1,9}REQUEST")
_END = re.compile(r"END\s{1,9}LICENSE\s{1,9}REQUEST[-\u2010-\u2015\u2212]{0,9}")
_LONGEST_REQUEST = 8192
_NO_REQUEST = r"(?![\s>_]{1,9}(?:REQUEST|RETURN|KEYSET|ROOTS|REVOCATIONS))"
_BEGIN_LICENSE = re.compile(rf"BEGIN[\s>_]{{1,9}}LICENSE{_NO_REQUEST}")
_END_LICENSE = re.compile(rf"END[\s>_]{{1,9}}LICENSE{_NO_REQUEST}")
_LONGEST_LICENSE = 16384
# The words for people before a licence: the host that they name has one (licenses/issuing.py).
_BEGIN_WORDS = re.compile(r"Licen[cs]e\s{1,9}(HS-[0-9]{4}-[0-9A-Z]{8})\s{1,9}of\s")
_END_WORDS = re.compile(r"Valid[\s>]{1,9}(?:until|without)")
_LONGEST_WORDS = 1000
_MOST_TRIES = 200
"""So often may a beginning have no end."""
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_IN_PIECES = re.compile(r"LICENSE[\s_-]{1,9}REQUEST|[A-Za-z0-9_-]{100}|[A-Za-z0-9+/=]{60,}\n")
_MOST = 200
"""So many hosts of one mail are told; no operator sends more by mail."""


class Found(NamedTuple):
    """A request or host key line, and where it was."""

    request: LicenseRequest
    is_quoted: bool
    """Whether it is only where the mail quotes an earlier one."""
    where: str
    """The name of the attachment; empty where it is in the text."""


class Reading(NamedTuple):
    """What was found in texts."""

    found: tuple[Found, ...]
    licenses: tuple[str, ...]
    """The numbers of licences that are in the texts as files."""
    unread: tuple[Reason, ...]


class Source(NamedTuple):
    """A text of a mail."""

    text: str
    where: str = ""


def read(texts: list[Source]) -> Reading:
    """The requests and host key lines in *texts*, the first ones first."""
    found: dict[str, Found] = {}
    licenses: dict[str, None] = {}
    unread: dict[Reason, None] = {}
    for source in texts:
        text = terminal.shown(source.text)
        words, text = _cut(text, _BEGIN_WORDS, _END_WORDS, _LONGEST_WORDS)
        licenses |= dict.fromkeys(one.split()[1] for one in words)
        _, text = _cut(text, _BEGIN_LICENSE, _END_LICENSE, _LONGEST_LICENSE)
        fresh = None
        for request in _requests(text, unread):
            if len(found) >= _MOST and request.key not in found:
                unread[Reason("only the first {most} hosts were read", most=_MOST)] = None
                break
            fresh = _digits(quoting.fresh(text)) if fresh is None else fresh
            is_quoted = request.tags is None and not _is_in(request, fresh)
            one = Found(request, is_quoted, source.where)
            former = found.get(request.key)
            found[request.key] = one if former is None else _of_both(former, one)
    return Reading(tuple(found.values()), tuple(licenses), tuple(unread))


def _cut(
    text: str, begin: re.Pattern[str], end: re.Pattern[str], longest: int
) -> tuple[list[str], str]:
    """What goes from a *begin* to the next *end* in *text*, each, and what is left of it."""
    found: list[str] = []
    left: list[str] = []
    at = tries = 0
    for start in begin.finditer(text):
        if start.start() < at:
            continue
        stop = end.search(text, start.end(), start.end() + longest)
        if stop is None:
            tries += 1
            if tries >= _MOST_TRIES:
                break
            continue
        found.append(text[start.start() : stop.end()])
        left.append(text[at : start.start()])
        at = stop.end()
    return found, "\n".join([*left, text[at:]])


def _digits(text: str) -> str:
    """The digits of *text*, without what may stand between them."""
    return re.sub(r"[^0-9a-f\[\]{},;:()]|[ \t]", "", text.lower())


def _is_in(request: LicenseRequest, digits: str) -> bool:
    """Whether a host key line, or its telephone code, is in *digits*."""
    spoken = "".join(phonecode.groups(request.key, request.profile))
    return request.key in digits or spoken in digits


def _of_both(former: Found, other: Found) -> Found:
    """What two findings of one host say: the one with more, and a name where either has one."""
    first, second = former.request, other.request
    if first.tags is None and second.tags is not None:
        first, second = second, first
    profile = first.profile if first.profile != DEFAULT_PROFILE else second.profile
    if first.tags is None:
        first = first._replace(name=first.name or second.name, profile=profile)
    return Found(first, former.is_quoted and other.is_quoted, former.where)


def _requests(text: str, unread: dict[Reason, None]) -> Iterator[LicenseRequest]:
    """The requests in *text*, then the host key lines in what is left of it."""
    is_one = False
    blocks, rest = _cut(text, _BEGIN, _END, _LONGEST_REQUEST)
    for block in blocks:
        try:
            yield received.parse(f"-----{block.rstrip(_DASHES)}-----")
            is_one = True
        except LicenseError as error:
            unread[Reason("a request: {reason}", reason=_reason(error))] = None
    cleared = lookalikes.without(rest)
    lines, doubtful, doubt = hostline_reader.read(cleared.text)
    for line in lines:
        if line.fits:
            is_one = True
            yield LicenseRequest(key=line.key, name=line.name, profile=line.profile)
            continue
        told = Reason("a host key line whose check code {check} does not match", check=line.check)
        unread[told] = None
    if doubt is not None and doubtful:
        unread[Reason("a host key line: {reason}", reason=doubt)] = None
    if cleared.found and not is_one:
        unread[Reason("40 digits that are said to be something else, such as a checksum")] = None
    if not is_one and _IN_PIECES.search(text):
        yield from _wrapped(text)
    elif not is_one:
        yield from _spoken(rest, unread)


def _wrapped(text: str) -> Iterator[LicenseRequest]:
    """The request in what another program made of one; none where it is no request."""
    try:
        request = received.parse(text[: 64 * 1024])
    except LicenseError:
        return  # nothing in the text says that it is one
    if request.tags is not None:  # and no digits alone, which were looked at with care
        yield request


def _spoken(text: str, unread: dict[Reason, None]) -> Iterator[LicenseRequest]:
    """What the telephone code in *text* says."""
    try:
        request = received.spoken(text)
    except LicenseError as error:
        unread[Reason("a telephone code: {reason}", reason=_reason(error))] = None
        return
    if request is not None:
        yield request


def _reason(error: LicenseError) -> object:
    return error.facts.get("reason") or Reason("it has the keys of several hosts")
