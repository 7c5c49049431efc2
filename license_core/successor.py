"""What a licence takes away that the one before it grants; pure."""

from __future__ import annotations

from functools import reduce

from license_core.license import License
from license_core.reason import Reason
from license_core.record import NamedTuple
from license_core.wording import utc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Grant(NamedTuple):
    """What a licence grants, for how long, and how strictly it is bound. Instants are seconds."""

    exp: int | None
    """None: perpetual."""
    features: tuple[str, ...]
    limits: Mapping[str, int]
    """What is not named is not limited."""
    edition: str | None
    maintenance_until: int | None
    """None: all versions."""
    match: str

    @classmethod
    def of(cls, license_: License) -> Grant:
        """What *license_* grants."""
        return cls(
            license_.exp,
            license_.features,
            license_.limits or {},
            license_.edition,
            license_.maintenance_until,
            license_.host.match,
        )


def taken(former: Grant, new: Grant) -> Reason | None:
    """What *new* takes away of *former*, in words; None: nothing."""
    losses = list(_losses(former, new))
    if not losses:
        return None
    return reduce(lambda all_, one: Reason("{all_}; {one}", all_=all_, one=one), losses)


def _losses(former: Grant, new: Grant) -> Iterator[Reason]:
    gone = [name for name in former.features if name not in new.features]
    if gone:
        yield Reason("without {names}", names=", ".join(gone))
    for name, most in new.limits.items():
        before = former.limits.get(name)
        if before is None:
            yield Reason("{name} limited to {most}", name=name, most=most)
        elif most < before:
            yield Reason("{name} {most} instead of {before}", name=name, most=most, before=before)
    if former.edition is not None and new.edition is None:
        yield Reason("without the edition {edition}", edition=former.edition)
    if new.exp is not None and former.exp is None:
        yield Reason("until {end} instead of without end", end=utc(new.exp))
    elif new.exp is not None and former.exp is not None and new.exp < former.exp:
        yield Reason("until {end} instead of {before}", end=utc(new.exp), before=utc(former.exp))
    until, before = new.maintenance_until, former.maintenance_until
    if until is not None and (before is None or until < before):
        yield Reason("for versions released until {end} only", end=utc(until))
    if former.match == "anchored" and new.match == "exact":
        yield Reason("bound exactly instead of anchored")
