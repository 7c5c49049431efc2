"""Names that people might take for one another: of products, where one is a typing error."""

from collections.abc import Iterable

from license_server.catalog.names import alike_key

_SHORTEST = 4
"""A typing error in a shorter name may be another name."""


def near(name: str, names: Iterable[str]) -> list[str]:
    """Those of *names*, which do not have *name*, that it may be meant for.

    They differ in case, signs or width, or in one typing error: a character too many, one too few,
    another one, or two that were swapped. Other digits are meant so: ``seal2`` and ``seal3``.
    """
    return [one for one in names if one != name and _is_near(name, one)]


def _is_near(one: str, other: str) -> bool:
    if alike_key(one) == alike_key(other):
        return True
    a, b = one.casefold(), other.casefold()
    if min(len(a), len(b)) < _SHORTEST or _digits(a) != _digits(b):
        return False
    return _is_one_error(a, b) if len(a) <= len(b) else _is_one_error(b, a)


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _is_one_error(short: str, long: str) -> bool:
    """Whether *long*, which is not the shorter one, comes of *short* by one typing error."""
    same = next((at for at, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), None)
    if same is None:
        return len(long) - len(short) <= 1
    if len(long) > len(short):
        return short[same:] == long[same + 1 :]
    rest = slice(same + 2, None)
    swapped = short[same : same + 2] == long[same : same + 2][::-1]
    return short[same + 1 :] == long[same + 1 :] or (swapped and short[rest] == long[rest])
