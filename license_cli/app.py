"""A run of the client, and the only place that turns an error into an exit code."""

from __future__ import annotations

import itertools
import os
import sys
from io import TextIOWrapper

from license_cli import plain_line, render
from license_cli.language import (
    LANGUAGES,
    can_be_written,
    charset_of_environment,
    of_environment,
    speak,
)
from license_cli.plain_line import COMMANDS
from license_cli.session import Call, Refused
from license_core.clock import present
from license_core.errors import (
    ClockWrongError,
    LicenseError,
    MemoryExhaustedError,
    OutputFailedError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from license_core.errors import Notice
    from license_core.verify import Report


_WITH_VALUE = frozenset({"--conf", "--keys", "--root", "--lang"})
_NO_MEMORY = b"[E]: There is too little memory to run this command.\n"


def _speak(arguments: list[str]) -> None:
    """Say everything in the language that ``--lang`` or the environment names.

    Looked for before the line is understood, so that a usage error is said in it as well. A
    machine, which asks for JSON, is answered in English, and so is a terminal that cannot show it.
    """
    ours = list(itertools.takewhile(lambda word: word not in COMMANDS, arguments))
    named = [language for language in LANGUAGES if f"--lang={language}" in ours]
    named += [word for option, word in zip(ours, ours[1:]) if option == "--lang"]
    language = next(filter(LANGUAGES.__contains__, named), of_environment(os.environ))
    charsets = [getattr(stream, "encoding", None) for stream in (sys.stdout, sys.stderr)]
    is_plain = "--json" in ours or not all(can_be_written(language, one) for one in charsets)
    speak("en" if is_plain else language)


def main(
    arguments: Sequence[str] | None = None, now: int | None = None, home: str | None = None
) -> int:
    """Run the client with *arguments* (default: the process's) and return its exit code.

    *now* is the instant of the run, by default the clock's; *home* the folder of ``conf/`` and
    ``keys/``. Every problem becomes its exit code and words; no traceback gets out.
    """
    try:
        return _main(sys.argv[1:] if arguments is None else list(arguments), now, home)
    except MemoryError:  # not even for the words about it
        os.write(2, _NO_MEMORY)
        return MemoryExhaustedError().exit_code


def _main(arguments: list[str], now: int | None, home: str | None) -> int:
    sys.stdout, sys.stderr = (stream or render.nowhere() for stream in (sys.stdout, sys.stderr))
    charset = charset_of_environment(os.environ)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name never stops an answer
            stream.reconfigure(encoding=charset, errors="backslashreplace")
    arguments = in_front(arguments)
    _speak(arguments)
    try:
        call = Call(present() if now is None else now, home)
    except ClockWrongError as error:
        return _refuse(error, Call(0, home).cli, as_json="--json" in arguments)
    try:
        code = _run(arguments, call)
        render.flush()
    except render.ReaderGone:
        _give_up_output()  # the reader went away; say nothing more
        return 141
    except OutputFailedError as error:
        _give_up_output()
        return _refuse(error, call.cli, as_json=False)
    return code


def in_front(arguments: list[str]) -> list[str]:
    """*arguments* with the options of every command before the command, wherever they stood.

    What stands after ``--``, or belongs to the program that ``guard`` starts, is not ours.
    """
    ours: list[str] = []
    others: list[str] = []
    words = arguments[::-1]
    while words and words[-1] != "--" and not _is_program(words[-1], others):
        word = words.pop()
        if word == "--json" or word.partition("=")[0] in _WITH_VALUE:
            ours.append(word)
            if word in _WITH_VALUE and words:
                ours.append(words.pop())
        else:
            others.append(word)
    return [*ours, *others, *words[::-1]]


def _is_program(word: str, before: list[str]) -> bool:
    """Whether *word* is what guard starts: neither an option nor the value of the one before it."""
    if "guard" not in before or word.startswith("-"):
        return False
    return not before[-1].startswith("--") or "=" in before[-1]


def _run(arguments: list[str], call: Call) -> int:
    """The exit code of a command; what it said may not be written yet."""
    as_json = "--json" in itertools.takewhile(lambda word: word not in COMMANDS, arguments)
    try:
        result = _do(arguments, call)
    except (render.ReaderGone, OutputFailedError):
        raise
    except Refused as refused:
        return _refuse_report(refused, call.cli, as_json)
    except LicenseError as error:
        return _refuse(error, call.cli, as_json)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  # the last net: an operator never sees a traceback
        from license_core import unforeseen

        return _refuse(unforeseen.problem_of(error), call.cli, as_json)
    return result if isinstance(result, int) else 0


def _do(arguments: list[str], call: Call) -> object:
    """Run the command that *arguments* name."""
    line = plain_line.read(arguments)
    if line is None:
        from license_cli import click_group

        return click_group.run(arguments, call)
    call.as_json = line.named.pop("as_json")
    del line.named["lang"]  # it is spoken already
    call.named = line.named
    try:
        line.run(call.session())
    except KeyboardInterrupt:
        render.remark([""])  # behind the ^C of a terminal
        raise
    return None


def _give_up_output() -> None:
    """Let what could not be written go nowhere, or the interpreter would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _refuse(error: LicenseError, cli: str, as_json: bool) -> int:
    if as_json:
        render.say_json(
            {
                "ok": False,
                "exit_code": error.exit_code,
                "problems": [render.error_json(error, cli)],
                "notices": [],
            }
        )
    else:
        render.remark([*render.error_lines(error, cli), *_afterwards(error)])
    return error.exit_code


def _refuse_report(refused: Refused, cli: str, as_json: bool) -> int:
    report = refused.report
    if as_json:
        answer = render.report_json(report, cli)
        render.say_json({**answer, **render.comparison_json(refused.comparison)})
    else:
        for line in render.comparison_lines(refused.comparison):
            render.say(line)
        for error in report.problems:
            render.remark(render.error_lines(error, cli))
        for notice in _to_the_point(report):
            render.remark(render.notice_lines(notice, cli))
        render.remark(_afterwards(refused))
    return report.exit_code


def _afterwards(error: BaseException) -> list[str]:
    """What a command has noted beside its refusal (PEP 678)."""
    return list(getattr(error, "__notes__", ()))


def _to_the_point(report: Report) -> list[Notice]:
    """The notices of a refusal; that nothing was remembered matters only where the clock does."""
    about_the_clock = {problem.slug for problem in report.problems} & {
        "clock-set-back",
        "license-not-yet-valid",
    }
    return [
        notice for notice in report.notices if notice.slug != "memory-missing" or about_the_clock
    ]
