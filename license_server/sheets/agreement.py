"""What the user confirms when starting a job: the rules shown, and every oddity.

The rules are held against the products' again in the transaction of each batch.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import catalog_store, products
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.sheets import jobs, preview
from license_server.sheets.errors import ImportRefusedError
from license_server.sheets.job_state import RUNNING, Job, Progress
from license_server.site import Site


class Agreed(NamedTuple):
    """What somebody agrees to."""

    rules: str | None = None
    """Those that they saw (Preview.agreed); None: whatever they are."""
    skip: bool = False
    """That wrong lines are left out."""
    alike: bool = False
    """That customers are added who are called nearly as others."""
    twice: bool = False
    """That lines are issued that say the very same as one before."""


def begin(site: Site, id_: str, actor: Actor, now: int, agreed: Agreed) -> bool:
    """Let a job be begun, or go on where it stopped; False: it runs, or is done.

    One that goes on does so by the rules of the products as they are now. Raises as ``accept``
    does.
    """
    found = site.database.read(lambda connection: jobs.find(connection, id_, actor))
    if found is not None and not found.stopped(now):
        return False
    accepted = accept(site, id_, actor, now, agreed) if found is None else None

    def work(connection: Connection) -> bool:
        wanted = _gone_on(connection, found, now) if found else accepted
        return wanted is not None and jobs.begin(connection, wanted, actor)

    try:
        return site.database.write(work)
    except IntegrityError:  # another process began it meanwhile
        return False


def accept(site: Site, id_: str, actor: Actor, now: int, agreed: Agreed) -> Job:
    """The job of a sheet as it begins, if all that is odd about it was agreed to.

    Raises NotFoundError; ImportRefusedError for wrong lines that are not to be skipped;
    InputInvalidError for customers who are called nearly as others, and for lines that stand there
    twice; ChangedMeanwhileError where the rules are not those agreed to.
    """
    seen = _seen(site, id_, actor, now, skip=agreed.skip)
    if agreed.rules not in (None, seen.agreed):
        raise ChangedMeanwhileError(what=Reason("rules of a product in the preview"))
    if seen.wrong and not agreed.skip:
        raise ImportRefusedError(
            path="the sheet",
            wrong=seen.wrong,
            lines=seen.wrong + seen.right,
            first=seen.refused[0].line.number,
        )
    if seen.alike and not agreed.alike:
        reason = Reason("some customers may already exist: check them first")
        raise InputInvalidError(field="alike", reason=reason)
    if seen.twice and not agreed.twice:
        reason = Reason("some rows stand there twice: check them first")
        raise InputInvalidError(field="twice", reason=reason)
    lines = Progress(seen.wrong + seen.right)
    return Job(id_, RUNNING, now, lines, rules=seen.rules, act=seen.act)


def check_rules(connection: Connection, agreed: Mapping[str, str] | None) -> None:
    """Raise InputInvalidError where a product has other rules than those that were *agreed* to."""
    for name, rules in _rules(connection, agreed or {}).items():
        if agreed is not None and rules != agreed[name]:
            reason = Reason("the rules of {product} have changed since the preview", product=name)
            raise InputInvalidError(field="product", reason=reason)


def _seen(site: Site, id_: str, actor: Actor, now: int, *, skip: bool) -> preview.Preview:
    """What they saw, unless something may be wrong, or was changed, since: that is looked at."""
    seen = preview.RECENT.show(site, id_, actor, now)
    rules = site.database.read(lambda connection: _rules(connection, seen.rules))
    if rules != seen.rules or (not seen.wrong and not skip):
        return preview.RECENT.show(site, id_, actor, now, afresh=True)
    return seen


def _gone_on(connection: Connection, stopped: Job, now: int) -> Job:
    """The job that was *stopped*, as it goes on."""
    rules = None if stopped.rules is None else _rules(connection, stopped.rules)
    return Job(stopped.id, RUNNING, now, stopped.progress, rules, act=stopped.act)


def _rules(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The rules of the products of these *names*, as they are now."""
    found = catalog_store.products_by_name(connection, names)
    return {name: products.rules(found.get(name)) for name in names}
