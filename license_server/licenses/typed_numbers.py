"""Typed numbers: which licences a typed number, or part of one, can mean."""

from sqlalchemy import Connection, func, select

from license_server.db.tables import licenses

_PART = 8
"""The characters of a number's last part."""
# What a person hears or reads for a digit (Crockford's base 32).
_HEARD = str.maketrans("OIL", "011")


def numbers_meant(connection: Connection, typed: str) -> tuple[list[str], list[str]]:
    """The numbers, and the beginnings of numbers, that somebody may mean who types this."""
    heard = typed.upper().translate(_HEARD)
    part = heard.replace(" ", "").replace("-", "")
    if not (1 <= len(part) <= _PART and part.isascii() and part.isalnum()):
        return [], [heard]
    first, last = (
        connection.execute(select(end(licenses.c.number))).scalar_one()
        for end in (func.min, func.max)
    )
    years = range(int(first[3:7]), int(last[3:7]) + 1) if first else ()
    numbers = [f"HS-{year:04}-{part}" for year in years]
    return (numbers, [heard]) if len(part) == _PART else ([], [heard, *numbers])
