"""The fields of what an order leaves open: of a product's defaults, and of a plan's."""

from collections.abc import Mapping
from typing import Any

from license_server.catalog import products, terms, typed
from license_server.db.errors import InputInvalidError
from license_server.web.edit_conflicts import Faults

_DAYS = ("days", *terms.WARNINGS)


def read(fields: Mapping[str, str]) -> tuple[dict[str, Any], Faults]:
    """The members of an order that a form's *fields* make; and what is wrong with them."""
    found: dict[str, Any] = {}
    wrong: Faults = {}
    for name in products.DEFAULTS:
        if text := fields.get(name, "").strip():
            try:
                found[name] = _value(name, text)
            except InputInvalidError as error:
                wrong[name] = error
    return found, wrong


def _value(name: str, text: str) -> Any:
    if name in _DAYS:
        return number(text)
    if name == "features":
        return typed.words(text)
    if name == "limits":
        return terms.limits_of(typed.words(text))
    return text


def number(text: str) -> int | str | None:
    """What *text* says; what is no number stays, and is refused as one."""
    return typed.number(text) if text else None


def shown(members: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a form that say what the *members* of an order say."""
    made = {name: str(members.get(name, "")) for name in (*_DAYS, "edition", "match")}
    made["features"] = ", ".join(members.get("features", ()))
    made["limits"] = ", ".join(f"{name}={n}" for name, n in members.get("limits", {}).items())
    return made
