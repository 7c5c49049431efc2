"""The host key line: what ``get_host_key`` prints (SPEC section 4.4).

Writing it is strict; ``hostline_reader`` reads what people make of it.
"""

from __future__ import annotations

from license_core import strictjson
from license_core.checkcode import check_of
from license_core.hostkey import DEFAULT_PROFILE

_IN_NAMES = "0123456789abcdefghijklmnopqrstuvwxyz._-"


def write(
    key: str, name: str | None, profile: str = DEFAULT_PROFILE, *, check: bool = False
) -> str:
    """A JSON array of key and hostname, in ASCII, with a profile other than ``hk1``.

    Who does not know the profile or the check code passes it over.
    """
    more = [profile] if profile != DEFAULT_PROFILE else []
    if check:
        more.append(check_element(key, name, profile))
    told = ", ".join(map(strictjson.shown, (key, name, *more)))
    return f"[{told}]"


def check_element(key: str, name: str | None, profile: str) -> str:
    """What ``get_host_key --check`` adds to the line."""
    covered = name
    if name is not None and not _is_usual(name):
        from license_core.hostline_reader import read

        covered = read(write(key, name, profile)).lines[0].name  # what is left of an odd name
    return f"check {check_of(key, covered, profile)}"


def _is_usual(name: str) -> bool:
    """Whether reading leaves all of a *name*."""
    is_short = 0 < len(name) <= 100
    return is_short and name[0] not in "._-" and name[-1] != "." and not name.strip(_IN_NAMES)
