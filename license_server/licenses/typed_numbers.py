"""Typed numbers: which licences a typed number, or part of one, can mean."""

from sqlalchemy import Connection, Integer, func, select

from license_core.reason import Reason
from license_server.db.errors import InputInvalidError
from license_server.db.tables import licenses
from license_server.licenses.orders import NUMBER

_PART = 8
"""The characters of a number's last part."""
_BEGINS = "HS-"
FIRST_YEAR, LAST_YEAR = (
    select(func.substr(end(licenses.c.number), len(_BEGINS) + 1, 4).cast(Integer))
    for end in (func.min, func.max)
)
"""Queries for the years of the first and the last of all numbers."""
# What a person hears or reads for a digit (Crockford's base 32).
_HEARD = str.maketrans("OIL", "011")


def number_meant(connection: Connection, typed: str) -> str:
    """The number that *typed* is, or is the last part of; *typed* itself where it is of none.

    Raises InputInvalidError where it is the last part of several.
    """
    ends = select(*(one.scalar_subquery() for one in (FIRST_YEAR, LAST_YEAR)))
    meant = numbers_meant(typed, *connection.execute(ends).one())[0]
    query = select(licenses.c.number).where(licenses.c.number.in_(meant)).order_by(licenses.c.id)
    found: list[str] = list(connection.scalars(query))
    if len(found) > 1:
        several = ", ".join(found)
        reason = Reason(
            "{typed} is the last part of several numbers: {several}", typed=typed, several=several
        )
        raise InputInvalidError(field="number", reason=reason)
    return found[0] if found else typed


def whole(typed: str) -> str:
    """The number that *typed* is, whether or not there is such a licence.

    Raises InputInvalidError for what is no whole number.
    """
    number = typed.strip().upper().translate(_HEARD)
    if not NUMBER.fullmatch(number):
        reason = Reason("{value!r} is not a licence number", value=typed[:64])
        raise InputInvalidError(field="license", reason=reason)
    return number


def numbers_meant(typed: str, first: int | None, last: int | None) -> tuple[list[str], list[str]]:
    """The numbers, and the beginnings of numbers, that somebody may mean who types this.

    *first*, *last*: the years of all numbers there are; None: there is none.
    """
    heard = typed.upper().translate(_HEARD)
    part = heard.replace(" ", "").replace("-", "")
    begun = [heard] if heard[: len(_BEGINS)] == _BEGINS[: len(heard)] else []
    if not (1 <= len(part) <= _PART and part.isascii() and part.isalnum()):
        return [], begun
    years = () if first is None or last is None else range(first, last + 1)
    numbers = [f"HS-{year:04}-{part}" for year in years]
    return (numbers, begun) if len(part) == _PART else ([], [*begun, *numbers])
