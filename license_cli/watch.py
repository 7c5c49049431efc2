"""Watches a licence while a product runs.

Each check is a process of its own: one that crashes, hangs or cannot be started is an outcome like
any other, and what is on disk counts anew every time. Whatever is not "the licence holds" ends the
watch, and with it the program that runs under it; so does the end of one of the guard's processes.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time

from license_cli import keeper, language, processes, render
from license_cli.language import tr
from license_cli.light_file import replace_lightly, what_was_said
from license_core import errors
from license_core.clock import present
from license_core.errors import LicenseError, Notice, ProgramNotStartedError
from license_core.license import License
from license_core.paths import first_barred, words
from license_core.problems import PROBLEMS
from license_core.reason import Reason, say
from license_core.record import NamedTuple
from license_core.watched import Watched
from license_core.wording import DEFAULT_CLI, printable, utc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

TRIES = 3
"""How often a check that could not be made is tried again before that counts."""
UNCHECKED = 70
"""The exit code where the licence could not be checked; that of start.sh."""
_UNDECIDED = frozenset({UNCHECKED, 1, 2, 3, 11, 65, 126, 127, 130, 141})
"""Exit codes that say nothing of the licence (SPEC section 9)."""
_REVOKED = frozenset({28, 43})
"""Exit codes that say what the vendor has revoked: a signing key, a licence."""
STATES = ("active", "notify", "grace", "pending", "expired", "refused", "unchecked")
_SECONDS_BETWEEN_LOOKS = 0.5
"""How often files are looked at between checks, and a licence file looked for that is away."""
_WHY_NOT = {
    errno.ENOENT: "there is no such file, or the interpreter in its first line is missing",
    errno.EACCES: "it is not executable (`chmod +x`)",
    errno.EISDIR: "it is a folder",
    errno.ENOEXEC: "it is neither a program nor a script that begins with #!",
}


class Outcome(NamedTuple):
    """What one check said."""

    code: int
    """The check's exit code; UNCHECKED where it has none."""
    words: tuple[str, ...] = ()
    """Lines that a person should read."""
    license: License | None = None
    checked_at: int | None = None

    @property
    def holds(self) -> bool:
        """Whether the product may go on."""
        return self.code == 0

    @property
    def decided(self) -> bool:
        """Whether the licence was looked at: then another try would say the same."""
        return self.code not in _UNDECIDED

    @property
    def state(self) -> str:
        """One of STATES."""
        if not self.decided:
            return "unchecked"
        if self.license is None or self.checked_at is None:
            return "refused"
        state = self.license.state(self.checked_at)
        return state if self.holds or state in ("pending", "expired") else "refused"


class Check:
    """``verify`` as a process."""

    def __init__(self, client: Sequence[str], seconds: float, cli: str = DEFAULT_CLI) -> None:
        """*client* is the command of the client; a check that takes longer than *seconds* hangs.

        *cli* is how the operator calls the client, for remedies.
        """
        self._command = [*client, "--json", "verify"]
        self._seconds = seconds
        self._cli = cli

    def run(self) -> Outcome:
        """Check once. Never raises."""
        try:
            done = subprocess.run(  # noqa: S603  # this very client
                self._command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._seconds,
                check=False,
                preexec_fn=keeper.plain_signals,  # one thread
            )
        except subprocess.TimeoutExpired:
            return _unchecked(
                Reason("the check did not finish within {seconds:g} seconds", seconds=self._seconds)
            )
        except OSError as error:
            text = "the check could not be started: {path}: {reason}"
            path = error.filename or self._command[0]
            return _unchecked(Reason(text, path=path, reason=error.strerror))
        if done.returncode < 0:
            return _unchecked(
                Reason("the check was killed by signal {number}", number=-done.returncode)
            )
        return self._read(done.returncode, done.stdout)

    def _read(self, code: int, said: bytes) -> Outcome:
        try:
            answer = json.loads(said)
            told = [*answer["problems"], *answer["notices"]]
            lines = tuple(line for one in told if _is_worth(one) for line in _lines(one, self._cli))
            members = answer.get("license")
            license_ = None if members is None else License.from_dict(members)
            if (code == 0) is not answer["ok"] or (code == 0 and license_ is None):
                return _unchecked("the check's output contradicts its exit code")
            return Outcome(code, lines, license_, answer.get("checked_at"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return _unchecked(Reason("the check's output is unreadable (exit {code})", code=code))


def _is_worth(told: dict[str, Any]) -> bool:
    return "exit_code" in told or told["level"] == "warning"


def _lines(told: dict[str, Any], cli: str) -> list[str]:
    """A problem or notice for a person; the check itself answered a machine, in English."""
    sentence, remedy = str(told["sentence"]), str(told["remedy"])
    if not language.is_english():
        name = next((name for name, row in PROBLEMS.items() if row.slug == told["slug"]), None)
        facts = told["facts"]
        one = getattr(errors, name)(**facts) if name else Notice(told["slug"], **facts)
        sentence, remedy = one.say(tr), one.remedy(cli, tr)
    return [sentence, *remedy.splitlines()]


def _unchecked(reason: str) -> Outcome:
    text = tr("Could not check the licence: {reason}.")
    return Outcome(UNCHECKED, (text.format(reason=printable(say(reason, tr))),))


class Watch:
    """Checks at an interval, beside or around a program, until the licence does not hold."""

    def __init__(
        self,
        check: Check,
        interval: float,
        metrics: str | None,
        on_end: str | None,
        *,
        program_seconds: float = 10.0,
        command_seconds: float = 60.0,
        gap_seconds: float = 5.0,
        files: Sequence[str] = (),
    ) -> None:
        """*on_end* is run with sh when the licence does not hold.

        Where one of *files* is replaced, there is a look at once: a licence that holds counts from
        then on, and so does that one is revoked; whatever else only at the next check, as if nobody
        had looked.

        A program is killed that is told to end and does not within *program_seconds*, and so is a
        command that takes longer than *command_seconds*. While a product runs, its licence file may
        be away, or half there, for *gap_seconds*: somebody is replacing it.
        """
        self._check = check
        self._interval = interval
        self._metrics = metrics
        self._on_end = on_end
        self._program_seconds = program_seconds
        self._command_seconds = command_seconds
        self._gap_seconds = gap_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._held = False
        self._tries = TRIES  # at the start nothing is running that another try could save
        self._away_since: float | None = None
        self._told: tuple[object, ...] = ()
        self._number: str | None = None
        self._files = Watched.of(files)

    def run(self, program: Sequence[str]) -> int:
        """Watch until *program* ends, or the licence does; the exit code of this process.

        Raises ProgramNotStartedError.
        """
        part = keeper.split()
        if isinstance(part, keeper.Inner):
            part.run(lambda inner: self._watch(program, inner))
        code = part.keep(self._program_seconds)
        return code if code >= 0 else self._give_up()

    def _watch(self, program: Sequence[str], inner: keeper.Inner) -> int:
        try:
            while True:
                self._files = Watched.of(self._files.paths)
                with inner.interruptible():
                    outcome = self._check.run()
                self._tell(outcome)
                pause = self._pause_after(outcome)
                if pause is None:
                    return self._end(outcome, inner)
                if outcome.holds and program and self._child is None:
                    self._child = _start(program, inner)
                with inner.interruptible():
                    if self._ended_within(pause):
                        break
        except keeper.ToldToEnd:
            if not inner.is_kept:
                self._stop(inner)
                return self._give_up()
        return self._stop(inner)

    def _pause_after(self, outcome: Outcome) -> float | None:
        """How long until the next check; None where this one was the last."""
        if outcome.holds:
            self._tries, self._away_since, self._held = 0, None, True
            return self._interval
        if not outcome.decided:
            self._tries += 1
            return self._interval / 10 if self._tries <= TRIES else None
        if outcome.license is not None or not self._held:
            return None
        now = time.monotonic()
        self._away_since = self._away_since or now
        left = self._away_since + self._gap_seconds - now
        return min(_SECONDS_BETWEEN_LOOKS, self._interval, left) if left > 0 else None

    def _tell(self, outcome: Outcome) -> None:
        """Say what is new, and write the metrics."""
        if self._metrics is not None:
            refused = replace_lightly(self._metrics, exposition(outcome), own=False)
            if refused is not None:
                self._tell_unwritten(self._metrics, refused)
        number = outcome.license.jti if outcome.license else None
        new = (outcome.state, outcome.words, number)
        if new != self._told:
            letter = "E" if not outcome.holds else "W" if outcome.words else "N"
            at = utc(present() if outcome.checked_at is None else outcome.checked_at)
            said = tr("Licence state: {state}.").format(state=tr(outcome.state))
            render.remark([f"[{letter}]: {at}: {said}"])
            if number is not None and self._number not in (None, number):
                text = tr("The licence is now {number}.")
                render.remark([f"     {printable(text.format(number=number))}"])
            self._number = number or self._number
            render.remark(f"     {words}" for words in outcome.words)
            self._told = new

    def _tell_unwritten(self, path: str, refused: LicenseError) -> None:
        text = tr("Cannot write metrics to {path}: {reason}.")
        said = f"[W]: {text.format(path=path, reason=tr(what_was_said(refused)))}"
        remedy = refused.remedy(translate=tr).splitlines()
        render.remark([said, *(f"     {line}" for line in remedy)])

    def _ended_within(self, seconds: float) -> bool:
        """Wait for the next check, unless it is due; whether the program has ended meanwhile."""
        until = time.monotonic() + seconds
        while True:
            pause = min(max(until - time.monotonic(), 0.0), _SECONDS_BETWEEN_LOOKS)
            if self._child is None:
                time.sleep(pause)
            elif processes.has_ended_within(self._child.pid, pause):
                return True
            if time.monotonic() >= until:
                return False
            if not self._files.is_unchanged() and self._is_due_early():
                return False

    def _is_due_early(self) -> bool:
        """Take a new licence, if it holds; whether it is revoked instead."""
        self._files = Watched.of(self._files.paths)
        outcome = self._check.run()
        if outcome.holds:
            self._tell(outcome)
        return outcome.code in _REVOKED

    def _stop(self, inner: keeper.Inner) -> int:
        """End the program and whatever it has started; its exit code."""
        if self._child is None:
            return 0
        inner.end_all(self._program_seconds)
        code = self._child.wait()
        return 128 - code if code < 0 else code

    def _end(self, outcome: Outcome, inner: keeper.Inner) -> int:
        if self._held:
            render.remark([f"[E]: {tr('The licence is no longer valid; stopping.')}"])
        self._stop(inner)  # first, whatever the command does
        self._run_at_end(outcome.code)
        return outcome.code

    def _give_up(self) -> int:
        """The other process of the guard was killed, and what ran under it has been ended."""
        render.remark([f"[E]: {tr('One of the processes of the guard was killed; stopping.')}"])
        self._run_at_end(UNCHECKED)
        return UNCHECKED

    def _run_at_end(self, code: int) -> None:
        """Run the command with sh; one that does not end is ended, with what it has started."""
        if self._on_end is None:
            return
        environment = {**os.environ, "LICENSE_EXIT_CODE": str(code)}
        process = subprocess.Popen(  # noqa: S603  # what the operator named
            ["/bin/sh", "-c", self._on_end],
            env=environment,
            start_new_session=True,
            preexec_fn=keeper.plain_signals,  # noqa: PLW1509  # one thread
        )
        try:
            process.wait(self._command_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            said = tr(
                "The --on-end command did not finish within {seconds:g} seconds and was killed."
            )
            render.remark([f"[W]: {said.format(seconds=self._command_seconds)}"])


def exposition(outcome: Outcome) -> bytes:
    """The metrics of *outcome* in Prometheus' text format, version 0.0.4."""
    license_ = outcome.license
    labels = ""
    if license_ is not None:
        labels = f'product="{_escaped(license_.aud)}",number="{_escaped(license_.jti)}"'
    lines = [
        "# HELP license_state Whether the licence is in this state.",
        "# TYPE license_state gauge",
        *(f'license_state{{state="{s}"}} {int(s == outcome.state)}' for s in STATES),
    ]
    if license_ is not None and license_.exp is not None:
        lines += [
            "# HELP license_expiry_timestamp_seconds When it ends; absent where it has no end.",
            "# TYPE license_expiry_timestamp_seconds gauge",
            f"license_expiry_timestamp_seconds{{{labels}}} {license_.exp}",
        ]
    if outcome.checked_at is not None:
        lines += [
            "# HELP license_checked_timestamp_seconds When the licence was checked last.",
            "# TYPE license_checked_timestamp_seconds gauge",
            f"license_checked_timestamp_seconds {outcome.checked_at}",
        ]
    return "".join(f"{line}\n" for line in lines).encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _start(program: Sequence[str], inner: keeper.Inner) -> subprocess.Popen[bytes]:
    """Start *program* in a group of its own. Raises ProgramNotStartedError."""
    inner.is_starting()
    try:
        child = subprocess.Popen(  # noqa: S603  # what the operator named
            program,
            start_new_session=True,
            preexec_fn=inner.prepare_program,  # noqa: PLW1509  # one thread
        )
    except OSError as error:
        number = errno.EISDIR if os.path.isdir(program[0]) else error.errno
        barred = first_barred(program[0]) if number == errno.EACCES else None
        reason = _WHY_NOT.get(number or 0, words(error))
        if barred is not None:
            reason = Reason("this user may not enter {folder}", folder=barred)
        raise ProgramNotStartedError(program=program[0], reason=reason) from error
    inner.has_started(child.pid)
    return child
