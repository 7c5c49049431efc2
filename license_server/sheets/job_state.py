"""The state of a job: waiting, running, stopped or done, and its progress.

A job that is being done gives a sign of life at least every BEAT seconds. One that gave none for
STOPPED_AFTER counts as stopped, at the desk and at the API: whoever did it is gone, and it may be
gone on with, by any process.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from license_server.licenses.acts import ISSUE
from license_server.sheets.batches import Outcome

STOPPED_AFTER = 60
"""Seconds without a sign of life after which a job counts as stopped."""
BEAT = STOPPED_AFTER // 3
"""How often a job that waits for its turn gives a sign of life, in seconds."""
SHOWN = 50
"""How many lines of a kind are kept to be shown."""
WAITING, RUNNING, STOPPED, DONE = "waiting", "running", "stopped", "done"


class Progress(NamedTuple):
    """How far a job is."""

    lines: int
    """All together."""
    done: int = 0
    issued: int = 0
    """Of how many a licence was issued, or ended."""
    wrong: int = 0
    """Lines that were left out."""
    proposed: int = 0
    """Lines that wait for a second person."""
    numbers: tuple[str, ...] = ()
    """The first licences."""
    left_out: tuple[int, ...] = ()
    """The first lines that were left out."""

    def further(self, batch: Sequence[Outcome]) -> "Progress":
        """How far it is once *batch* is done, too."""
        numbers = [one.number for one in batch if one.number]
        wrong = [one.line for one in batch if one.slug]
        return Progress(
            lines=self.lines,
            done=self.done + len(batch),
            issued=self.issued + len(numbers),
            wrong=self.wrong + len(wrong),
            proposed=self.proposed + sum(one.proposal is not None for one in batch),
            numbers=(*self.numbers, *numbers)[:SHOWN],
            left_out=(*self.left_out, *wrong)[:SHOWN],
        )


class Job(NamedTuple):
    """A job that was begun."""

    id: str
    state: str
    """``waiting`` for others to be done first, ``running``, ``stopped`` or ``done``."""
    heartbeat_at: int
    """When it last gave a sign of life."""
    progress: Progress
    rules: Mapping[str, str] | None = None
    """The products that it names, and the rules of each (products.rules) that were agreed to."""
    problem: str | None = None
    """The slug of what stopped it, and what it said."""
    detail: str | None = None
    act: str = ISSUE.name
    """The act of its lines; ``issue``: it is of a sheet."""

    @property
    def over(self) -> bool:
        """Whether all of it is done."""
        return self.state == DONE

    @property
    def waits(self) -> bool:
        """Whether others are to be done first."""
        return self.state == WAITING

    def stopped(self, now: int) -> bool:
        """Whether it does not go on by itself."""
        silent = abs(now - self.heartbeat_at) >= STOPPED_AFTER
        return self.state == STOPPED or (self.state != DONE and silent)

    def runs(self, now: int) -> bool:
        """Whether somebody does it, or will when its turn comes."""
        return self.state != DONE and not self.stopped(now)
