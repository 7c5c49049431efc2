"""The settings a product ships with its client: conf/hostseal.toml (SPEC section 7.1)."""

from __future__ import annotations

from license_core import tomlfile
from license_core.claims import MAX_INTEGER
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_WARN_DAYS = 30


class Settings(NamedTuple):
    """What the client is told of the product that it speaks for."""

    product: str | None = None
    """The ``aud`` that a licence must have; None: any."""
    warn_days: int = DEFAULT_WARN_DAYS
    """Warn when fewer than these days are left, where the licence has no ``notify_from``."""
    released_at: int | None = None
    """When this version was released, in seconds; compared with ``maintenance_until``."""
    roots_needed: int = 1
    """How many of the trusted keys must sign the vendor's keyset, and its next roots."""
    path: str = "conf/hostseal.toml"
    """Where they stand, for messages."""


def parse(data: bytes, path: str) -> Settings:
    """Read the TOML text *data* of the file *path*.

    ``product`` is a string, ``warn_days`` a whole number from 0 to 3650, ``roots_needed`` one from
    1 on, ``released`` a date.
    Raises ValueError with a reason for people; an unknown name is refused, as it may be a typing
    error in one that matters.
    """
    data = tomlfile.text_of(data)
    values = _plain(data)
    if values is None:
        values = tomlfile.loads(data)
    unknown = sorted(values.keys() - {"product", "warn_days", "released", "roots_needed"})
    if unknown:
        raise ValueError(Reason("unknown setting: {names}", names=_some(unknown)))
    product = values.get("product")
    if product is not None and (not isinstance(product, str) or not product):
        raise ValueError("product is not a quoted name")
    warn_days = values.get("warn_days", DEFAULT_WARN_DAYS)
    if type(warn_days) is not int or not 0 <= warn_days <= 3650:
        raise ValueError("warn_days is not a whole number from 0 to 3650")
    needed = values.get("roots_needed", 1)
    if type(needed) is not int or not 1 <= needed <= MAX_INTEGER:
        raise ValueError("roots_needed is not a whole number of 1 or more")
    return Settings(product, warn_days, _released(values.get("released")), needed, path)


def _plain(data: bytes) -> dict[str, Any] | None:
    """The values of a file of comments, plain texts and whole numbers; None for any other.

    The common case, without the 3 ms that the reader of all of TOML takes to be imported.
    """
    text = data.decode("latin-1")
    if not (text.isascii() and text.replace("\n", "").replace("\t", "").isprintable()):
        return None
    values: dict[str, Any] = {}
    for line in text.split("\n"):
        name, _, rest = (part.strip(" \t") for part in line.partition("="))
        if not line.strip(" \t") or name.startswith("#"):
            continue
        if name not in ("product", "warn_days", "roots_needed") or name in values:
            return None
        if rest.startswith('"'):
            value, quote, rest = rest[1:].partition('"')
            if not quote or "\\" in value:
                return None
            values[name] = value
        else:
            number, sign, rest = rest.partition("#")
            number, rest = number.strip(" \t"), sign
            if not number.isdigit() or (number[0] == "0" and number != "0") or len(number) > 9:
                return None
            values[name] = int(number)
        if rest.strip(" \t")[:1] not in ("", "#"):
            return None
    return values


def _some(names: list[str]) -> str:
    """The first of *names*, so that the sentence stays one that can be read."""
    shown = [name if len(name) <= 40 else f"{name[:40]}…" for name in names[:3]]
    return ", ".join([*shown, "…"] if len(names) > 3 else shown)


def _released(value: Any) -> int | None:
    if value is None:
        return None
    from datetime import date, datetime, timezone

    if type(value) is not date:
        raise ValueError("released is not a date such as 2026-11-30")
    return int(datetime(value.year, value.month, value.day, tzinfo=timezone.utc).timestamp())
