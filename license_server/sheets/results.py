"""The results of an import, row by row, and why some rows were left out."""

from collections.abc import Iterator
from itertools import takewhile

from license_server.actor import Actor
from license_server.sheets import importer, uploads
from license_server.sheets.batches import Line, Outcome, Refused
from license_server.site import Site


def outcomes(site: Site, id_: str, actor: Actor, now: int) -> Iterator[tuple[Line, Outcome]]:
    """Each line of a sheet, and what became of it, or would become. Raises NotFoundError."""
    lines, again = (uploads.lines_of(site, id_, actor) for _ in "12")
    for batch in importer.check(site.database, again, actor, now, uploads.job_name(id_)):
        yield from zip(lines, batch, strict=False)


def refused(
    site: Site, id_: str, left_out: tuple[int, ...], actor: Actor, now: int
) -> list[Refused]:
    """Why these lines cannot be issued, as far as it is still so. Raises NotFoundError."""
    lines = uploads.lines_of(site, id_, actor)
    first = takewhile(lambda one: one.number <= max(left_out), lines)
    chosen = (one for one in first if one.number in left_out)
    seen = importer.look(site.database, chosen, actor, now)
    return [one for one in seen if isinstance(one, Refused)]
