"""Faults: everything that is wrong with what somebody sent, each at its member.

Whoever reads several members notes each fault and goes on. Then the first one is raised, and
carries the others; which one is the first, the order of reading decides.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from license_core.claims import ClaimError
from license_core.errors import LicenseError
from license_server.db.errors import InputInvalidError

MOST = 50
"""The most faults that are noted; of a request with thousands of unknown members the first ones."""


class Fault(NamedTuple):
    """What is wrong with one member."""

    member: str
    error: LicenseError

    @property
    def field(self) -> str:
        """The member, or the part of it: ``limits.gpus``."""
        return str(self.error.facts.get("field", self.member))


class Faults:
    """Faults as they are noted, at most one for each member: the first."""

    __slots__ = ("_noted",)

    def __init__(self, noted: Iterable[Fault] = ()) -> None:
        self._noted = {fault.member: fault for fault in noted}

    def __bool__(self) -> bool:
        return bool(self._noted)

    def __contains__(self, member: str) -> bool:
        return member in self._noted

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._noted.values())

    def note(self, member: str, error: LicenseError) -> None:
        """Note that *error* is what is wrong with *member*."""
        if len(self._noted) < MOST:
            self._noted.setdefault(member, Fault(member, error))

    def refuse(self, member: str, reason: str) -> None:
        """Note that the value of *member* is not valid."""
        self.note(member, InputInvalidError(field=member, reason=reason))

    def refuse_others(self, members: Iterable[str], allowed: tuple[str, ...], reason: str) -> None:
        """Note *reason* for each of *members* that is not *allowed*."""
        for member in members:
            if member not in allowed:
                self.refuse(member[:64], reason)

    def read(self, member: str, reader: Callable[..., Any], *arguments: Any) -> Any:
        """What *reader* makes of its *arguments*; None where it refuses them, which is noted."""
        try:
            return reader(*arguments)
        except ClaimError as error:
            self.note(member, InputInvalidError(field=error.claim, reason=error.reason))
        except LicenseError as error:
            self.note(member, error)
        return None

    def any_of(self, members: Iterable[str]) -> bool:
        """Whether one of *members* is wrong."""
        return bool(self._noted) and any(member in self._noted for member in members)

    def check(self) -> None:
        """Raise the first fault, where there is one; it carries them all (``faults_of``)."""
        if self._noted:
            carried = tuple(self._noted.values())
            first = carried[0].error
            vars(first)["faults"] = carried
            raise first

    @contextmanager
    def go_first(self) -> Iterator[None]:
        """Raise what is noted by now rather than the error that is raised inside."""
        try:
            yield
        except LicenseError:
            self.check()
            raise


def faults_of(error: LicenseError) -> tuple[Fault, ...]:
    """The faults that *error* carries; one that was raised alone is the fault of its field."""
    carried: tuple[Fault, ...] | None = vars(error).get("faults")
    if carried is not None:
        return carried
    field = error.facts.get("field")
    return () if field is None else (Fault(str(field).partition(".")[0], error),)


def changed(error: LicenseError, change: Callable[[LicenseError], LicenseError]) -> LicenseError:
    """What *change* makes of *error*, and of each fault that it carries."""
    made = change(error)
    if "faults" in vars(error):
        vars(made)["faults"] = tuple(
            Fault(fault.member, change(fault.error)) for fault in faults_of(error)
        )
    return made
