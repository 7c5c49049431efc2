"""The results of a job, line by line, and why some lines were left out."""

from collections.abc import Iterator
from functools import partial
from itertools import islice, takewhile
from typing import Any, NamedTuple

from license_core.errors import LicenseError
from license_server.actor import Actor
from license_server.licenses import license_store
from license_server.licenses.license_store import StoredLicense
from license_server.sheets import importer, uploads
from license_server.sheets.batches import Line, Outcome, Refused, Right
from license_server.sheets.chosen import Chosen
from license_server.sheets.job_state import SHOWN
from license_server.site import Site

REPORT = (
    *("line", "license", "customer", "product", "host_key", "host_name", "last_day", "time_zone"),
    *("act", "result", "new_license", "new_last_day", "proposal", "problem", "detail"),
)
"""The columns of a report on chosen licences."""
_AT_ONCE = 200


def outcomes(site: Site, id_: str, actor: Actor, now: int) -> Iterator[tuple[Line, Outcome]]:
    """Each line of a job, and what became of it, or would become. Raises NotFoundError."""
    lines, again = (uploads.lines_of(site, id_, actor) for _ in "12")
    for batch in importer.check(site.database, again, actor, now, uploads.job_name(id_)):
        for one in batch:
            yield next(lines), one


def refused(
    site: Site, id_: str, left_out: tuple[int, ...], actor: Actor, now: int
) -> list[Refused]:
    """Why these lines cannot be issued, as far as it is still so. Raises NotFoundError."""
    lines = uploads.lines_of(site, id_, actor)
    first = takewhile(lambda one: one.number <= max(left_out), lines)
    chosen = (one for one in first if one.number in left_out)
    seen = importer.look(site.database, chosen, actor, now)
    return [one for one in seen if isinstance(one, Refused)]


def part(site: Site, picked: Chosen, some: slice, actor: Actor, now: int) -> list[Right | Refused]:
    """What would become of *some* lines of chosen licences."""
    lines = islice(picked.lines(), some.start, some.stop)
    return list(importer.look(site.database, lines, actor, now))


class LeftOut(NamedTuple):
    """A chosen licence of which nothing was done."""

    number: str
    detail: str
    """Why not, as it was told then."""
    error: LicenseError | None
    """The same problem, where it is still so."""


def left_out(site: Site, id_: str, actor: Actor, now: int) -> list[LeftOut]:
    """The first chosen licences of which nothing was done, and why not. Raises NotFoundError."""
    found = outcomes(site, id_, actor, now)
    wrong = list(islice(((line, one) for line, one in found if one.slug), SHOWN))
    again = importer.look(site.database, [line for line, _ in wrong], actor, now)
    return [
        LeftOut(line.subject or "", one.details or "", _same(seen, one))
        for (line, one), seen in zip(wrong, again, strict=True)
    ]


def _same(seen: Right | Refused, one: Outcome) -> LicenseError | None:
    error = seen.error if isinstance(seen, Refused) else None
    return error if error is not None and error.slug == one.slug else None


def report(
    site: Site, found: Iterator[tuple[Line, Outcome]], actor: Actor
) -> Iterator[tuple[Any, ...]]:
    """What became of chosen licences, or would become: a row for each, under REPORT."""
    while some := list(islice(found, _AT_ONCE)):
        numbers = [line.subject for line, _ in some if line.subject]
        numbers += [one.number for _, one in some if one.number]
        rows = site.database.read(partial(license_store.by_numbers, numbers=numbers))
        known = {row.number: row for row in rows if actor.may_use(row.product)}
        yield from (_row(line, one, known) for line, one in some)


def _row(line: Line, one: Outcome, known: dict[str, StoredLicense]) -> tuple[Any, ...]:
    stored = known.get(line.subject or "")
    made = known.get(one.number or "") if line.act.issues else None
    return (
        line.number,
        line.subject,
        *(
            (None,) * 6
            if stored is None
            else (
                stored.customer,
                stored.product,
                stored.host_key,
                stored.host_name,
                stored.last and stored.last.day,
                stored.zone,
            )
        ),
        line.act.name,
        _result(one),
        made and made.number,
        (made.last and made.last.day) if made else line.members.get("expires"),
        one.proposal,
        one.slug,
        one.details,
    )


def _result(one: Outcome) -> str:
    if one.slug is not None:
        return "refused"
    if one.proposal is not None:
        return "proposed"
    return "possible" if one.number is None else "done"
