"""Whether requests agree with the licences and proposals that they name (SPEC section 11.3)."""

from collections.abc import Iterator

from sqlalchemy import Connection

from license_server.operations import ledger_rows
from license_server.operations.ledger_rows import Asked
from license_server.requests.request_store import CLOSED, STATES


def faults(connection: Connection) -> Iterator[tuple[int, str]]:
    """The number of each request with which something is wrong, and what."""
    for asked in ledger_rows.requests_beside(connection):
        for detail in _faults(asked):
            yield asked.row["id"], detail


def _faults(asked: Asked) -> Iterator[str]:
    row, state = asked.row, asked.row["state"]
    if state not in STATES:
        yield f"there is no state {state}"
        return
    if (state in CLOSED) != (row["open_key"] is None) or (state in CLOSED) != (
        row["closed_at"] is not None
    ):
        yield f"it is {state}, and not closed as such a one is"
    if (state == "issued") != (row["license"] is not None):
        yield f"it is {state}, and answered with {row['license'] or 'no licence'}"
    for name, there in (("license", asked.license), ("earlier", asked.earlier)):
        if row[name] is not None and there is None:
            yield f"{row[name]}, which it names, does not exist"
    if row["follows"] is not None and (asked.former is None or asked.former >= row["id"]):
        yield f"there is no request {row['follows']} before it, which it follows"
    yield from _proposal_faults(asked)


def _proposal_faults(asked: Asked) -> Iterator[str]:
    row, state, proposal = asked.row, asked.row["state"], asked.row["proposal"]
    if state == "waiting" and proposal is None:
        yield "it waits for no proposal"
    if proposal is None:
        return
    if asked.proposal_state is None:
        yield f"proposal {proposal}, which it names, does not exist"
    elif state == "waiting" and asked.proposal_state != "waiting":
        yield f"it waits for proposal {proposal}, which is {asked.proposal_state}"
    elif state == "issued" and asked.proposal_number != row["license"]:
        yield f"proposal {proposal} gave {asked.proposal_number or 'no licence'}"
    elif state not in ("waiting", "issued"):
        yield f"it is {state}, and names proposal {proposal}"
