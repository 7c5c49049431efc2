"""A report, an error or a notice for a person, for start.sh, or as JSON.

Lines are in the style of the platform's start script: ``[N]:`` says, ``[W]:`` warns, ``[E]:``
refuses; what to do stands below, indented.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from license_core.errors import LicenseError, Notice, OutputFailedError, printable, utc

if TYPE_CHECKING:  # what get_host_key prints needs neither
    from license_core.license import License
    from license_core.verify import Report

_LETTER = {"note": "N", "warning": "W", "detail": " "}
_INDENT = "     "


class ReaderGone(Exception):  # noqa: N818  # nothing is wrong: nobody listens any more
    """Whoever read standard output has gone away."""


@contextmanager
def _reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise OutputFailedError(reason=error.strerror) from error


def flush() -> None:
    """Hand on what was said so far. Raises ReaderGone or OutputFailedError."""
    with _reader():
        sys.stdout.flush()


def say(line: str) -> None:
    """One line of the answer, on standard output."""
    with _reader():
        sys.stdout.write(f"{line}\n")


def remark(lines: Iterable[str]) -> None:
    """Lines beside the answer, on standard error.

    Where they cannot be written nobody is told: the exit code says all that matters.
    """
    flush()  # so that a log which catches both has them in order
    with suppress(OSError):
        sys.stderr.writelines(f"{line}\n" for line in lines)


def say_json(value: Any) -> None:
    """The answer as one JSON object, on standard output."""
    say(json.dumps(value, indent=2))


def notice_lines(notice: Notice, cli: str) -> list[str]:
    """``[W]:`` or ``[N]:``, then the remedy."""
    return [f"[{_LETTER[notice.level]}]: {notice.sentence}", *_indented(notice.remedy(cli))]


def error_lines(error: LicenseError, cli: str) -> list[str]:
    """``[E]:``, what is known of why, then the remedies."""
    details: tuple[Notice, ...] = error.facts.get("details", ())
    lines = [f"[E]: {error.sentence}"]
    for detail in details:
        lines += [f"{_INDENT}{detail.sentence}", *_indented(detail.remedy(cli))]
    return lines + _indented(error.remedy(cli))


def holds_line(license_: "License", now: int) -> str:
    """``[N]:`` for a licence that holds."""
    return (
        f"[N]: Licence {printable(license_.jti)} for {printable(license_.sub)} "
        f"(product {printable(license_.aud)}) holds {until(license_, now)}."
    )


def until(license_: "License", now: int) -> str:
    """Until when a licence holds, in words."""
    if license_.exp is None:
        return "without end"
    left = license_.exp - now
    if left < 0:
        return f"until {utc(license_.exp)}"
    return f"until {utc(license_.exp)} ({left // 86400} days left)"


def report_json(report: "Report", cli: str) -> dict[str, Any]:
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
    }


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
            plain[name] = value if isinstance(value, int | None) else str(value)
    return plain


def _indented(text: str) -> list[str]:
    return [f"{_INDENT}{line}" for line in text.splitlines()]
