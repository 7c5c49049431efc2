"""Wrong values for each member of an order, for the API, the forms and the shell."""

from itertools import combinations, product
from typing import Any, NamedTuple

from tests.support.server import LINE

LINES = f"{LINE} {LINE.replace('5591', '6602')}"
GONE = "HS-2026-ZZZZZZZZ"
"""A licence that is not there."""
ORDER = {"customer": "ACME", "product": "darwin", "host": LINE, "days": 30}
WRONG: dict[str, tuple[Any, ...]] = {
    "reason": (5, "", "r" * 1001, "\u200b"),
    "discount": (5,),
    "customer": (None, 5, "", " ", "a\0b", "c" * 201, "\u2800"),
    "product": (None, 5, "", "a b", "p" * 65),
    "time_zone": (5, "", "Nowhere/At_all"),
    "perpetual": (1, "yes"),
    "days": (0, -1, 1.5, True, "30", 36_501, 10**30),
    "expires": (5, "", "soon", "2001-01-01", "2027-02-30", "9999-12-31"),
    "edition": (5, "", "c d"),
    "features": ("x", ["-"], ["a", "a"], [f"f{n}" for n in range(201)]),
    "limits": ("x", {"gpus": -1}, {"gpus": "4"}, {"g p": 1}),
    "match": (5, "loose"),
    "host": (None, 5, "", "hello", LINES),
    "notify_days": (-1, "7", True, 36_501),
    "grace_days": (-1, "7", 36_501),
    "maintenance_until": (5, "soon", "2027-13-01"),
    "replaces": (5, "", "z", GONE),
}
"""Each member of a first order, in the order in which a caller who reads one fault meets them."""
_BEFORE_HOST = ("reason", "discount", "customer", "product")
RENEWAL = {"days": 30}
WRONG_RENEWAL = (
    {name: WRONG[name] for name in ("reason", "discount", "time_zone")}
    | {"continue_from": (5, "start")}
    | {name: WRONG[name] for name in ("days", "expires", "notify_days", "grace_days")}
)
WRONG_CHANGE = {
    name: WRONG[name]
    for name in (
        *("reason", "discount", "time_zone", "maintenance_until", "notify_days", "grace_days"),
        *("edition", "features", "limits", "match"),
    )
}
REHOST = {"host": LINE.replace("5591", "6602"), "reason": "moved"}
WRONG_REHOST = {
    "reason": (None, *WRONG["reason"]),
    "discount": (5,),
    "host": WRONG["host"],
    "match": (*WRONG["match"], "anchored"),
}
TYPED = {
    "customer": ("a\0b", "c" * 201, "\u2800"),
    "product": ("a b", "p" * 65),
    "host": ("hello", LINES),
    "days": ("x", "0", "-1", "1.5", "9" * 20),
    "expires": ("soon", "2001-01-01", "2027-02-30"),
    "time_zone": ("Nowhere/At_all",),
    "limits": ("gpus four", "gpus=-1", "gpus=1 gpus=2", "-=1"),
    "features": ("-", "a, a"),
    "edition": ("c d",),
    "match": ("loose",),
    "notify_days": ("y", "-1", "36501"),
    "grace_days": ("y", "-1", "36501"),
    "maintenance_until": ("soon", "2027-13-01"),
    "replaces": ("z", GONE),
    "reason": ("r" * 1001, "a\u202eb"),
}
"""What somebody may type into the form for a licence, by its field."""
OPTIONS = {
    "customer": ("--customer", "a\x7fb"),
    "product": ("--product", "a b"),
    "host": ("--host", "hello"),
    "time_zone": ("--time-zone", "Nowhere/At_all"),
    "days": ("--days", "0"),
    "edition": ("--edition", "c d"),
    "features": ("--feature", "-"),
    "limits": ("--limit", "gpus"),
    "match": ("--match", "loose"),
    "notify_days": ("--notify-days", "-1"),
    "grace_days": ("--grace-days", "-1"),
    "maintenance_until": ("--maintenance-until", "soon"),
    "replaces": ("--replaces", GONE),
}
"""The options of ``issue``, each with a value that is wrong."""


class Case(NamedTuple):
    """An order with wrong values."""

    members: dict[str, Any]
    """What is sent."""
    wrong: tuple[str, ...]
    """The members that are wrong, the first one first."""


def cases(right: dict[str, Any], wrong: dict[str, tuple[Any, ...]], most: int = 2) -> list[Case]:
    """Each wrong value alone, and beside each of another member; *most* of a member in pairs."""
    alone = [_case(right, {name: value}) for name in wrong for value in wrong[name]]
    pairs = [
        _case(right, {first: value, second: beside})
        for first, second in combinations(wrong, 2)
        for value, beside in product(wrong[first][:most], wrong[second][:most])
    ]
    return alone + pairs


def _case(right: dict[str, Any], wrong: dict[str, Any]) -> Case:
    members = right | wrong
    if "expires" in wrong and "days" not in wrong:
        del members["days"]  # one way to say how long
    if tuple(wrong) == ("days", "expires"):
        return Case(members, ("expires", "days"))  # two ways are one too many, whatever they say
    names = list(wrong)
    if names[-1] == "host" and not (isinstance(wrong["host"], str) and wrong["host"]):
        # Whether there is a text at all is looked at first, and parsed it is later.
        names = [*(name for name in names if name in _BEFORE_HOST), "host"]
        names += [name for name in wrong if name not in names]
    return Case(members, tuple(names))
