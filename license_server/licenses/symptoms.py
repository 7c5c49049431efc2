"""What somebody pasted who wants to know why a product stopped: read, as far as it can be.

Pure. That is what ``verify --explain`` and ``doctor`` print, in both languages, the JSON of
``verify --json`` and ``doctor --bundle``, a request, a host key line, or several of these in one
mail. Fixed forms are looked for: JSON, licence numbers, host keys, slugs and exit codes, the names
of host facts, and the client's own sentences (client_words.py). What is not read is said.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from license_core import armor, giveback, hostline, received, terminal
from license_core.errors import LicenseError
from license_core.giveback import Returned
from license_core.hostkey import DEFAULT_PROFILE, PROFILES
from license_core.problems import PROBLEMS
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_core.wording import printable
from license_server.licenses import client_words

MOST = 128 * 1024
"""So many characters are read; a support bundle has a quarter of that."""
_MOST_NAMED = 20
"""So many numbers, and so many keys, are looked up."""
_LONGEST_ADVICE = 4096
_MOST_JSON = 20
"""So often is it tried whether a brace begins JSON."""
_DEEPEST = 12
_NUMBER = re.compile(r"\bHS-[0-9]{4}-[0-9A-Z]{8}\b")
_KEY = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z])")
_SLUGS = {row.slug for row in PROBLEMS.values()}
_SLUG = re.compile(r"(?<![\w-])[a-z]+(?:-[a-z]+)+(?![\w-])")
_EXITS = {row.exit_code: row.slug for row in PROBLEMS.values()}
_EXIT = re.compile(r"(?:\bexit(?: code| status)?|退出码)\s*[:=]?\s*([0-9]{1,3})(?![0-9])")
_PART = re.compile(
    r"(?m)^[ \t]*(hostname|ip|machine_id|container_id|cluster_uid|site|roster)[ \t]+(\S+)"
)
_VERDICTS = {"same": "same", "DIFFERS": "differs", "unknown": "unknown"}
_QUOTED = re.compile(r"(?m)^[ \t]*(?:[>|][ \t]?)+")
_BEGIN, _END = "-----BEGIN LICENSE REQUEST-----", "-----END LICENSE REQUEST-----"
_LONGEST_BLOCK = 8192
_BLOCK_IN_PIECES = re.compile(r"LICENSE\s{1,4}REQUEST")
"""What is left of a block whose dashes a mail program changed."""
_OF_DETAIL = {
    "ip-changed": "ip",
    "ip-differs": "ip",
    "address-not-used": "ip",
    "address-left-out": "ip",
    "hostname-changed": "hostname",
    "hostname-differs": "hostname",
    "machine-id-differs": "machine_id",
    "container-id-differs": "container_id",
    "layer-differs": "container_id",
    "cluster-uid-differs": "cluster_uid",
    "site-differs": "site",
    "roster-differs": "roster",
    "machine-added-later": "roster",
}
"""Which part of a host a detail of a refusal is about."""


class Symptoms(NamedTuple):
    """What a text says of a client's trouble."""

    numbers: tuple[str, ...] = ()
    """Of licences, the installed one first."""
    problems: tuple[str, ...] = ()
    """Slugs, the main one first."""
    details: tuple[str, ...] = ()
    """Slugs of the details of a refusal."""
    verdicts: Mapping[str, str] = {}  # never changed
    """Component to ``same``, ``differs`` or ``unknown``, beside the licensed host."""
    licensed_key: str | None = None
    host_key: str | None = None
    """Of the host on which the client ran."""
    hostname: str | None = None
    """The same host's; None where a bundle left it out."""
    profile: str = DEFAULT_PROFILE
    keys: tuple[str, ...] = ()
    """All host keys of the text."""
    before: str | None = None
    """The address that the host had, where that was said."""
    advice: str = ""
    """What the client told the operator to do about that address, in lines."""
    request: LicenseRequest | None = None
    returned: Returned | None = None
    """That a licence was given back."""
    is_valid: bool = False
    """Whether the client says that the licence is valid."""
    sources: tuple[str, ...] = ()
    """What was recognised: ``json``, ``text``, ``request``, ``host key line``, ``return``."""
    unread: tuple[Reason, ...] = ()
    """What was not."""

    @property
    def tells(self) -> bool:
        """Whether it speaks of a licence, or of a client's trouble."""
        return bool(self.numbers or self.problems or self.returned)

    @property
    def host_text(self) -> str | None:
        """The host on which the client ran, as an order takes it."""
        if self.request is not None:
            if self.request.tags is not None:
                return self.request.to_text()
            line = hostline.write(self.request.key, self.request.name, self.request.profile)
        elif self.host_key is not None:
            line = hostline.write(self.host_key, self.hostname, self.profile)
        else:
            return None
        return "\n".join([line, *self._report()])

    def _report(self) -> Iterator[str]:
        """What the client says that differs, in its own form, which ``reported`` reads again."""
        if "differs" in self.verdicts.values():
            spoken = {verdict: word for word, verdict in _VERDICTS.items()}
            yield from (f"{name:<13} {spoken[word]}" for name, word in self.verdicts.items())


def read(text: str) -> Symptoms:
    """What *text* says."""
    unread: list[Reason] = []
    if len(text) > MOST:
        unread.append(Reason("only the first {most} characters were read", most=MOST))
    text = _plain(text)
    blocks, rest = _blocks(text)
    request = _request(blocks, unread)
    returned = _returned(text, unread)
    found, rest = _of_client(rest, unread)
    if (
        request is None
        and returned is None
        and (not found.sources or _BLOCK_IN_PIECES.search(rest))
    ):
        request = _any(text, unread)
    found = found._replace(
        request=request,
        returned=returned,
        sources=(*found.sources, *_kind(request), *(("return",) if returned else ())),
        numbers=_numbers(request, returned, found, text, unread),
        keys=tuple(dict.fromkeys([*_spoken(request, text), *_KEY.findall(text)]))[:_MOST_NAMED],
        unread=tuple(unread),
    )
    if not (found.sources or found.numbers or found.keys):
        told = Reason("nothing in it is known of what the client prints")
        return found._replace(unread=(*unread, told))
    return found


def numbers(text: str) -> list[str]:
    """The numbers of licences in *text*, as they stand there."""
    return _NUMBER.findall(_plain(text))


def reported(text: str) -> Mapping[str, str]:
    """What a client says in *text* of its host beside the licensed one: component to verdict."""
    _, rest = _blocks(_plain(text))
    return _of_client(rest, [])[0].verdicts


def _plain(text: str) -> str:
    return _QUOTED.sub("", terminal.shown(text[:MOST]))


def _of_client(text: str, unread: list[Reason]) -> tuple[Symptoms, str]:
    """What the client printed in *text*, and the rest of it."""
    answers, rest = _answers(text, unread)
    return _of_answers(answers, _of_text(rest)), rest


def _returned(text: str, unread: list[Reason]) -> Returned | None:
    """What *text* says of a licence that was given back."""
    try:
        return giveback.parse(text)
    except ValueError as error:
        if armor.RETURN in text:
            unread.append(Reason("the return text is damaged: {reason}", reason=str(error)))
        return None


def _spoken(request: LicenseRequest | None, text: str) -> list[str]:
    """The host key that only a telephone code says."""
    said = request is not None and request.tags is None and not _KEY.search(text)
    return [request.key] if request is not None and said else []


def _kind(request: LicenseRequest | None) -> tuple[str, ...]:
    if request is None:
        return ()
    return ("host key line",) if request.tags is None else ("request",)


def _blocks(text: str) -> tuple[list[str], str]:
    """The last request blocks in *text*, and the rest of it."""
    blocks, rest, at = [], [], 0
    while (start := text.find(_BEGIN, at)) >= 0:
        end = text.find(_END, start, start + _LONGEST_BLOCK)
        if end < 0:
            rest.append(text[at : start + len(_BEGIN)])
            at = start + len(_BEGIN)
            continue
        rest.append(text[at:start])
        at = end + len(_END)
        blocks.append(text[start:at])
    return blocks[-_MOST_NAMED:], "".join([*rest, text[at:]])


def _request(blocks: list[str], unread: list[Reason]) -> LicenseRequest | None:
    """The last request that can be read."""
    found = None
    for block in blocks:
        try:
            found = received.parse(block)
        except LicenseError as error:
            unread.append(Reason("a request: {reason}", reason=error.facts["reason"]))
    return found


def _any(text: str, unread: list[Reason]) -> LicenseRequest | None:
    """The request or host key line in a text of nothing else."""
    is_written = _BLOCK_IN_PIECES.search(text) or re.search(r"[0-9A-Fa-f]{12}", text)
    try:
        return received.parse(text) if is_written else received.spoken(text)
    except LicenseError as error:
        reason = error.facts.get("reason") or Reason("it has the keys of several hosts")
        unread.append(Reason("a request or host key line: {reason}", reason=reason))
        return None


def _numbers(
    request: LicenseRequest | None,
    returned: Returned | None,
    found: Symptoms,
    text: str,
    unread: list[Reason],
) -> tuple[str, ...]:
    claimed = [returned.number] if returned else []
    claimed += [request.replaces] if request and request.replaces else []
    named = [one for one in claimed if _NUMBER.fullmatch(one)]
    numbers = tuple(dict.fromkeys([*found.numbers, *named, *_NUMBER.findall(text)]))
    if len(numbers) > _MOST_NAMED:
        unread.append(Reason("only the first {most} licence numbers were read", most=_MOST_NAMED))
    return numbers[:_MOST_NAMED]


# JSON


def _answers(text: str, unread: list[Reason]) -> tuple[list[dict[str, Any]], str]:
    """The JSON objects in *text*, and the rest of it."""
    found: list[dict[str, Any]] = []
    decoder, rest, at = json.JSONDecoder(parse_int=_integer), [], 0
    for _ in range(_MOST_JSON):
        start = text.find("{", at)
        if start < 0:
            break
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            value, end = {}, start + 1
        if value and isinstance(value, dict):
            found.append(value)
            rest.append(text[at:start])
            at = end
            continue
        rest.append(text[at:end])
        at = end
    if not found and re.search(r'"(?:slug|jti|exit_code)"\s*:', text):
        unread.append(Reason("JSON that is damaged or cut off; only single values of it were read"))
    return found, "".join([*rest, text[at:]])


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < 20 else 0


def _objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The objects in *value*, the outer ones first."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from _objects(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            yield from _objects(member, depth + 1)


def _of_answers(answers: list[dict[str, Any]], found: Symptoms) -> Symptoms:
    """*found*, with what JSON says: a report, in a bundle or alone."""
    for answer in answers:
        is_bundle = "examined_at" in answer
        for one in _objects(answer):
            found = _of_object(one, found, names=not is_bundle)
        if any("slug" in one or "jti" in one for one in _objects(answer)):
            found = found._replace(sources=tuple(dict.fromkeys((*found.sources, "json"))))
    return found


def _of_object(one: dict[str, Any], found: Symptoms, *, names: bool) -> Symptoms:
    """*found*, with what one object says; *names*: whether it calls hosts by their names."""
    slug, number = _text(one, "slug"), _text(one, "jti")
    given = one.get("facts")
    facts: dict[str, Any] = given if isinstance(given, dict) else {}
    if number and _NUMBER.fullmatch(number):
        found = found._replace(numbers=(number, *found.numbers))
        host = one.get("host")
        if isinstance(host, dict):
            found = found._replace(licensed_key=_key(host, "key") or found.licensed_key)
    if slug in _SLUGS:
        found = _with_problem(found, slug)
        found = found._replace(licensed_key=_key(facts, "licensed_key") or found.licensed_key)
        found = _with_names(found, facts)
        host_key = _key(facts, "host_key")
        if host_key:
            found = found._replace(
                host_key=host_key, hostname=(_text(facts, "hostname") or None) if names else None
            )
    elif slug in _OF_DETAIL:
        before, advice = (_text(facts, "before"), _lines(one, "remedy")) if names else (None, "")
        found = _with_detail(found, slug, before, advice)
    if one.get("ok") is True and one.get("problems") == []:
        found = found._replace(is_valid=True)
    if isinstance(one.get("host"), dict) and "problems" in one:
        host = one["host"]
        found = found._replace(
            host_key=_key(host, "key") or found.host_key,
            hostname=(_text(host, "hostname") or None) if names else None,
            profile=_profile(host) or found.profile,
        )
    if "host_key" in one and "components" in one:
        found = found._replace(
            host_key=_key(one, "host_key") or found.host_key,
            profile=_profile(one) or found.profile,
        )
    verdict, name = _text(one, "verdict"), _text(one, "name")
    if name in _PARTS and verdict in ("same", "differs", "unknown"):
        found = found._replace(verdicts={**found.verdicts, name: verdict})
    return found


_PARTS = {name for names in PROFILES.values() for name in names}


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    is_shown = isinstance(value, str) and value.isprintable()
    return str(value)[:200] if is_shown else ""


def _lines(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    lines = value.splitlines() if isinstance(value, str) else []
    return "\n".join(printable(line) for line in lines)[:_LONGEST_ADVICE]


def _key(members: Mapping[str, Any], name: str) -> str | None:
    value = _text(members, name)
    return value if _KEY.fullmatch(value) else None


def _profile(members: Mapping[str, Any]) -> str | None:
    value = _text(members, "profile")
    return value if value in PROFILES else None


# Text


def _of_text(text: str) -> Symptoms:
    """What the client printed for people says."""
    found = Symptoms()
    for name, word in _PART.findall(text):
        verdict = _verdict(word)
        if verdict:
            found = found._replace(verdicts={**found.verdicts, name: verdict})
    for said in client_words.find(text):
        if said.is_problem:
            found = _with_names(_with_problem(found, said.slug), said.facts)
            found = found._replace(
                licensed_key=_key(said.facts, "licensed_key") or found.licensed_key,
                host_key=_key(said.facts, "host_key") or found.host_key,
                hostname=_shown(said.facts.get("hostname")) or found.hostname,
            )
        elif said.slug in _OF_DETAIL:
            advice = client_words.advice_after(text, said.end)
            found = _with_detail(found, said.slug, said.facts.get("before"), advice)
    for slug in _SLUG.findall(text):
        if slug in _SLUGS:
            found = _with_problem(found, slug)
        elif slug in _OF_DETAIL:
            found = _with_detail(found, slug, None, "")
    for code in _EXIT.findall(text):
        if int(code) in _EXITS:
            found = _with_problem(found, _EXITS[int(code)])
    is_known = bool(found.problems or found.details or found.verdicts)
    return found._replace(sources=("text",) if is_known else ())


def _verdict(word: str) -> str | None:
    for catalogue in client_words.translations():
        for spoken, verdict in _VERDICTS.items():
            if word == catalogue.gettext(spoken):
                return verdict
    return None


def _shown(name: str | None) -> str | None:
    """A hostname that was printed; ``unknown`` is what the client says where it has none."""
    unknown = {catalogue.gettext("unknown") for catalogue in client_words.translations()}
    is_one = name and name.isprintable() and len(name) <= 253
    return name if is_one and name not in unknown else None


def _with_problem(found: Symptoms, slug: str) -> Symptoms:
    if slug in found.problems:
        return found
    return found._replace(problems=(*found.problems, slug))


def _with_names(found: Symptoms, facts: Mapping[str, Any]) -> Symptoms:
    """*found*, with whether the hostname is the licensed one; a bundle has both in other words."""
    licensed, here = _text(facts, "licensed_name"), _text(facts, "hostname")
    if not licensed or not here:
        return found
    verdict = "same" if licensed == here else "differs"
    return found._replace(verdicts={"hostname": verdict, **found.verdicts})


def _with_detail(found: Symptoms, slug: str, before: str | None, advice: str) -> Symptoms:
    verdicts = {_OF_DETAIL[slug]: "differs", **found.verdicts}
    details = tuple(dict.fromkeys((*found.details, slug)))
    is_address = _OF_DETAIL[slug] == "ip" and before
    if is_address:
        found = found._replace(before=before, advice=advice or found.advice)
    return found._replace(details=details, verdicts=verdicts)
