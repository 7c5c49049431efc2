"""What the pages share on which a stored row is added to or changed."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from license_core import b64url
from license_core.errors import FormExpiredError, InputInvalidError, LicenseError
from license_core.reason import Reason
from license_server.idempotency import Idempotency
from license_server.site import Site

Faults = dict[str, LicenseError]
"""The fields that are wrong, and why."""
_LONGEST_ONCE = 64
_LONGEST_TOLD = 200


def once(site: Site) -> str:
    """What makes a form act once, however often it is sent."""
    return b64url.encode(site.random(12))


def key(path: str, fields: dict[str, str]) -> Idempotency:
    """The key of a form that carries ``once``, which is taken out. Raises FormExpiredError."""
    given = fields.pop("once", "")
    if not 0 < len(given) <= _LONGEST_ONCE or not (given.isascii() and given.isprintable()):
        raise FormExpiredError
    content = urlencode(sorted(fields.items())).encode("ascii")
    return Idempotency.of(f"form:{given}", "POST", path, content)


def faults(read: Callable[[Mapping[str, Any]], Any], members: Mapping[str, Any]) -> Faults:
    """Every one of *members* that *read* refuses by itself; a part is called by its own name."""
    found: Faults = {}
    for name, value in members.items():
        try:
            read({name: value})
        except InputInvalidError as error:
            found[field_of(error)] = error
    return found


def field_of(error: LicenseError) -> str:
    """The field of a form that *error* is about: ``limits`` for ``defaults.limits.gpus``."""
    name = str(error.facts.get("field", "name")).removeprefix("defaults.")
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
        return Reason("now empty")
    if not isinstance(value, Reason) and len(value) > _LONGEST_TOLD:
        value = f"{value[:_LONGEST_TOLD]}…"
    return Reason("now stored: {value}", value=value)


def status(found: Faults) -> int:
    """The status of a page that shows what was refused."""
    return next(iter(found.values())).row.status if found else 200
