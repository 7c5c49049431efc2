"""Prints a report, an error or a notice: for a person, for start.sh, or as JSON.

Lines are in the style of the platform's start script: ``[N]:`` says, ``[W]:`` warns, ``[E]:``
refuses; what to do stands below, indented.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from license_cli.language import tr
from license_core import strictjson
from license_core.errors import LicenseError, Notice, OutputFailedError
from license_core.reason import Reason
from license_core.wording import printable, utc

TYPE_CHECKING = False
if TYPE_CHECKING:  # what get_host_key prints needs neither
    from collections.abc import Iterable
    from typing import IO, Any

    from license_core.comparison import Comparison
    from license_core.license import License
    from license_core.verify import Report

_LETTER = {"note": "N", "warning": "W", "detail": " "}
_INDENT = "     "
_COLUMNS = 80
"""Of a terminal that does not say how wide it is."""


class ReaderGone(Exception):  # noqa: N818  # nothing is wrong: nobody listens any more
    """Whoever read standard output has gone away."""


def _unheard(error: OSError) -> Exception:
    """What it means that standard output took nothing more."""
    if isinstance(error, BrokenPipeError):
        return ReaderGone()
    return OutputFailedError(reason=error.strerror or str(error))


class _Nowhere(TextIOWrapper):
    """In place of a stream that whoever started this process has closed."""


def nowhere() -> TextIOWrapper:
    """A stream that nobody reads."""
    return _Nowhere(open(os.devnull, "wb"), encoding="utf-8")


def need_reader() -> None:
    """Raise OutputFailedError where standard output is closed: for an answer that is all there is.

    A command that does something, or whose exit code is its answer, needs no reader.
    """
    if isinstance(sys.stdout, _Nowhere):
        raise OutputFailedError(reason=Reason("it is closed"))


def flush() -> None:
    """Hand on what was said so far. Raises ReaderGone or OutputFailedError."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _unheard(error) from error


def say(line: str) -> None:
    """One line of the answer, on standard output."""
    try:
        sys.stdout.write(f"{_shown(line, sys.stdout)}\n")
    except OSError as error:
        raise _unheard(error) from error


def say_page(text: str) -> None:
    """A page of help on standard output, as it is."""
    try:
        sys.stdout.write(f"{text}\n")
    except OSError as error:
        raise _unheard(error) from error


def remark(lines: Iterable[str]) -> None:
    """Lines beside the answer, on standard error.

    Where they cannot be written nobody is told: the exit code says all that matters.
    """
    flush()  # so that a log which catches both has them in order
    try:
        sys.stderr.writelines(f"{_shown(line, sys.stderr)}\n" for line in lines)
    except OSError:
        pass


def _shown(line: str, stream: IO[str]) -> str:
    """*line* as *stream* shows it: for a person at a terminal in lines of its width, and colour.

    In a pipe or a log a line is a message.
    """
    if not stream.isatty():
        return line
    from license_cli import paint, wrap

    columns = os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    brush = paint.brush(stream, os.environ)
    return "\n".join(paint.mark(part, brush) for part in wrap.message(line, columns))


def say_json(value: Any) -> None:
    """The answer as one JSON object, on standard output."""
    say(strictjson.shown(value))


def notice_lines(notice: Notice, cli: str) -> list[str]:
    """``[W]:`` or ``[N]:``, then the remedy."""
    return [f"[{_LETTER[notice.level]}]: {notice.say(tr)}", *_indented(notice.remedy(cli, tr))]


def error_lines(error: LicenseError, cli: str) -> list[str]:
    """``[E]:``, what is known of why, then the remedies."""
    details: tuple[Notice, ...] = error.facts.get("details", ())
    lines = [f"[E]: {error.say(tr)}"]
    for detail in details:
        lines += [f"{_INDENT}{detail.say(tr)}", *_indented(detail.remedy(cli, tr))]
    return lines + _indented(error.remedy(cli, tr))


def note(text: str, **facts: object) -> str:
    """``[N]:`` and *text* in the operator's language, with its facts."""
    return f"[N]: {tr(text, **facts)}"


def holds_line(license_: License, now: int) -> str:
    """``[N]:`` for a licence that is valid."""
    return note(
        "Licence {number} for {customer} (product {product}) is valid {until}.",
        number=printable(license_.jti),
        customer=printable(license_.sub),
        product=printable(license_.aud),
        until=until(license_, now),
    )


def until(license_: License, now: int) -> str:
    """Until when a licence is valid, in words."""
    if license_.exp is None:
        return tr("with no expiry date")
    in_grace = license_.grace_until is not None and now >= license_.exp
    end = (in_grace and license_.grace_until) or license_.exp
    facts = {"end": utc(end), "days": max(end - now, 0) // 86400}
    if in_grace:
        text = "in its grace period, until {end} ({days:less than a day|# day|# days} left)"
        return tr(text, **facts)
    return tr("until {end} ({days:less than a day|# day|# days} left)", **facts)


def source_words(report: Report) -> str:
    """What a licence was taken from."""
    source = report.source
    if source is None or source.kind == "code":
        return tr("unknown")
    if source.path is None:
        return "LICENSE" if source.kind == "environment" else tr("standard input")
    path = printable(source.path)
    return f"{path} (LICENSE_FILE)" if source.kind == "file" else path


def trust_words(report: Report) -> str:
    """With which keys a licence was verified, and how old the knowledge of what was revoked is."""
    trust, listed = report.trust, report.revocations
    if trust is None:
        return tr("The signature could not be verified.")
    facts = {"keyset": trust.keyset.keyset.version, "roots": trust.roots_version}
    if listed is None:
        return tr("Keyset {keyset}, roots {roots}; no revocation list.").format(**facts)
    days = max(report.now - listed.iat, 0) // 86400
    text = (
        "Keyset {keyset}, roots {roots}; "
        "revocation list {number}, {days:less than a day|# day|# days} old."
    )
    return tr(text, **facts, number=listed.number, days=days)


def report_json(report: Report, cli: str) -> dict[str, Any]:
    """A report as support and scripts read it (SPEC section 9.2)."""
    return {
        "ok": report.ok,
        "exit_code": report.exit_code,
        "checked_at": report.now,
        "problems": [error_json(error, cli) for error in report.problems],
        "notices": [notice_json(notice, cli) for notice in report.notices],
        "license": report.license.to_dict() if report.license else None,
        "host": report.host._asdict() if report.host else None,
        "keyset_version": report.keyset_version,
        "roots_version": report.trust.roots_version if report.trust else None,
        "revocations": _list_json(report),
        "source": _source_json(report),
    }


def _source_json(report: Report) -> dict[str, Any] | None:
    source = report.source
    return source and {"kind": source.kind, "path": source.path}


def _list_json(report: Report) -> dict[str, Any] | None:
    found = report.revocations
    return found and {"number": found.number, "iat": found.iat, "exp": found.exp}


_VERDICTS = {"same": "same", "differs": "DIFFERS", "unknown": "unknown"}
_EVIDENCE = {
    "key": "The host keys are identical, so every part is the same.",
    "memory": "Source: the state file of this host, which was the licensed one.",
    "tags": "Source: the host tags in the licence, which tell what differs but not what it was.",
    "none": "The licence was ordered with the host key line only, which carries no host tags.",
}


def comparison_lines(comparison: Comparison | None) -> list[str]:
    """The licensed host beside this one, for people. Ids are compared, not shown."""
    if comparison is None:
        return []
    from license_cli.wrap import padded
    from license_core.comparison import MACHINE

    lines = [note("The licensed host compared with this one:")]
    is_alike = True
    for part in comparison.components:
        is_alike = is_alike and part.verdict == "same"
        is_stranger = part.name == MACHINE and part.verdict == "differs"
        verdict = tr("not on the roster") if is_stranger else tr(_VERDICTS[part.verdict])
        words = padded(verdict, 16)
        if part.is_shown and part.verdict == "same":
            words += _value(part.present)
        elif part.is_shown:
            words += tr("{value} here").format(value=_value(part.present))
            if comparison.evidence == "memory":
                licensed = tr(", {value} when ordered").format(value=_value(part.licensed))
                words += licensed
        lines.append(f"{_INDENT}{part.name:<14}{words}".rstrip())
    if is_alike or comparison.evidence != "key":
        lines.append(f"{_INDENT}{tr(_EVIDENCE[comparison.evidence])}")
    return lines


def comparison_json(comparison: Comparison | None) -> dict[str, Any]:
    """The member ``explanation`` of an answer, where there is one."""
    if comparison is None:
        return {}
    components = [
        part._asdict()
        if part.is_shown
        else {"name": part.name, "verdict": part.verdict, "known": part.present is not None}
        for part in comparison.components
    ]
    return {"explanation": {"evidence": comparison.evidence, "components": components}}


def _value(value: str | None) -> str:
    return tr("(none)") if value is None else printable(value)


def error_json(error: LicenseError, cli: str) -> dict[str, Any]:
    """An error with its stable names, its words and its facts."""
    return {
        "slug": error.slug,
        "exit_code": error.exit_code,
        "title": error.row.title,
        "sentence": error.sentence,
        "remedy": error.remedy(cli),
        "facts": _plain(error.facts, cli),
    }


def notice_json(notice: Notice, cli: str) -> dict[str, Any]:
    """A notice with its stable name, its words and its facts."""
    return {
        "slug": notice.slug,
        "level": notice.level,
        "sentence": notice.sentence,
        "remedy": notice.remedy(cli),
        "facts": _plain(notice.facts, cli),
    }


def _plain(facts: dict[str, Any], cli: str) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, tuple):
            plain[name] = [notice_json(item, cli) for item in value]
        else:
            plain[name] = value if value is None or isinstance(value, int) else str(value)
    return plain


def _indented(text: str) -> list[str]:
    return [f"{_INDENT}{line}" for line in text.splitlines()]
