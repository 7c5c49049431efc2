"""What the pages share on which a stored row is added to or changed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request

from license_core.errors import LicenseError
from license_core.reason import Reason
from license_server.catalog.faults import Fault, faults_of
from license_server.db.errors import InputInvalidError
from license_server.http.problem_types import status_of

Faults = dict[str, LicenseError]
"""The fields that are wrong, and why."""
_LONGEST_TOLD = 200
_WHOLES = ("defaults.", "commands.", "reminders.")
"""Members whose parts are fields of a form."""
_TOLD = ("added", "saved", "archived", "unarchived", "merged", "erased", "waits")


def faults(read: Callable[[Mapping[str, Any]], Any], members: Mapping[str, Any]) -> Faults:
    """All that *read* refuses of *members*; a part is called by its own name."""
    try:
        read(members)
    except InputInvalidError as error:
        return {field_of(fault.error): fault.error for fault in faults_of(error)}
    return {}


def of_fields(noted: Iterable[Fault]) -> Faults:
    """What was *noted*, by the field that it is about."""
    return {fault.field: fault.error for fault in noted}


def field_of(error: LicenseError) -> str:
    """The field of a form that *error* is about: ``limits`` for ``defaults.limits.gpus``."""
    name = str(error.facts.get("field", "name"))
    for whole in _WHOLES:
        name = name.removeprefix(whole)
    return name.partition(".")[0]


def collisions(typed: Mapping[str, str], present: Mapping[str, str]) -> Faults:
    """The fields in which what was typed is not what somebody else stored meanwhile.

    Of *present*, a Reason is a word of the desk, which is said in the reader's language.
    """
    return {
        name: InputInvalidError(field=name, reason=_told(present[name]))
        for name in present
        if typed.get(name, "").split() != present[name].split()
    }


def _told(value: str) -> Reason:
    if not value:
        return Reason("saved value: empty")
    if not isinstance(value, Reason) and len(value) > _LONGEST_TOLD:
        value = f"{value[:_LONGEST_TOLD]}…"
    return Reason("saved value: {value}", value=value)


def status(found: Faults) -> int:
    """The status of a page that shows what was refused."""
    return status_of(next(iter(found.values()))) if found else 200


def told(request: Request) -> str:
    """What was just done, as the address of the page says: ``added``, ``saved``, … or nothing."""
    return next((name for name in _TOLD if name in request.query_params), "")
