"""Whether plans, trials and stop-gaps are as the rest of the ledger says (SPEC section 11.3)."""

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import Connection

from license_core.license import License
from license_server.catalog import plans
from license_server.licenses.orders import telling_tag
from license_server.licenses.vocabulary import KINDS, STOP_GAP, TRIAL
from license_server.operations import ledger_rows
from license_server.operations.customer_moves import Moves
from license_server.operations.ledger_rows import Kin


def faults(kin: Kin, license_: License) -> Iterator[tuple[str, str]]:
    """What is wrong with the plan and the kind of a licence."""
    row, kind = kin.row, kin.row["kind"]
    if row["plan"] is not None and row["plan"] not in plans.kept(kin.plans):
        yield "plan-unknown", f"its product has no plan {row['plan']}"
    if kind not in (None, *KINDS):
        yield "kind-differs", f"there is no kind {kind}"
    if (kind == STOP_GAP) != (row["stands_for"] is not None):
        yield "kind-differs", "it is a stop-gap for no licence, or no stop-gap for one"
    if row["stands_for"] is not None and kin.stood_for is None:
        yield "kind-differs", f"{row['stands_for']}, for which it stands in, does not exist"
    tag = telling_tag(license_.host.tags) if kind == TRIAL else None
    if row["host_tag"] != tag:
        yield "kind-differs", "its host_tag is not that of what was signed"


def given_twice(connection: Connection) -> Iterator[tuple[str, str]]:
    """The number of each trial that is a second one without being an exception, and why it is."""
    for column in ("host_key", "host_tag"):
        for first, *others in _groups(connection, column):
            yield from ((other, _why(first)) for other in others)
    several = [group for group in _groups(connection, "customer_id") if len(group) > 1]
    # Customers that merged may each have had one.
    moves = Moves(connection, [number for group in several for number in group])
    for group in several:
        for at, number in enumerate(group):
            before = next((one for one in group[:at] if moves.together(one, number)), None)
            if before is not None:
                yield number, _why(before)


def _groups(connection: Connection, column: str) -> Iterator[list[str]]:
    """The numbers of the trials of a product that have the same value in a *column*."""
    trials = ledger_rows.trials(connection, column)
    for _, group in groupby(trials, key=lambda trial: (trial.product_id, trial.value)):
        yield [trial.number for trial in group]


def _why(before: str) -> str:
    return f"{before} is a trial of the same product before it"
