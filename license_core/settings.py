"""The settings that a product ships with its client: conf/hostseal.toml (SPEC section 7.1)."""

from typing import Any, NamedTuple

DEFAULT_WARN_DAYS = 30


class Settings(NamedTuple):
    """What the client is told of the product that it speaks for."""

    product: str | None = None
    """The ``aud`` that a licence must have; None: any."""
    warn_days: int = DEFAULT_WARN_DAYS
    """Warn when fewer than these days are left, where the licence has no ``notify_from``."""
    released_at: int | None = None
    """When this version was released, in seconds; compared with ``maintenance_until``."""
    path: str = "conf/hostseal.toml"
    """Where they stand, for messages."""


def parse(data: bytes, path: str) -> Settings:
    """Read the TOML text *data* of the file *path*.

    ``product`` is a string, ``warn_days`` a whole number from 0 to 3650, ``released`` a date.
    Raises ValueError with a reason for people; an unknown name is refused, as it may be a typing
    error in one that matters.
    """
    import tomllib  # read only where a product ships settings

    try:
        values: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is not TOML ({error})") from error
    unknown = sorted(values.keys() - {"product", "warn_days", "released"})
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not a setting")
    product = values.get("product")
    if product is not None and (not isinstance(product, str) or not product):
        raise ValueError("product is not a name in quotes")
    warn_days = values.get("warn_days", DEFAULT_WARN_DAYS)
    if type(warn_days) is not int or not 0 <= warn_days <= 3650:
        raise ValueError("warn_days is not a whole number from 0 to 3650")
    return Settings(product, warn_days, _released(values.get("released")), path)


def _released(value: Any) -> int | None:
    from datetime import UTC, date, datetime

    if value is None:
        return None
    if type(value) is not date:
        raise ValueError("released is not a date such as 2026-11-30")
    return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())
