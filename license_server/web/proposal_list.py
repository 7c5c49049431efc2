"""The list of proposals: its columns, and which proposals it has."""

from typing import NamedTuple

from sqlalchemy import Connection

from license_core import received, strictjson
from license_core.errors import LicenseError
from license_core.reason import say
from license_server.licenses import proposal_store, proposals
from license_server.licenses.acts import ACTS
from license_server.licenses.proposal_store import SORTS, Proposal
from license_server.web import actor_labels, list_page
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source, after_id
from license_server.web.reader import Reader

_STATES = {
    "waiting": ("waiting", "warn"),
    "approved": ("approved", "good"),
    "withdrawn": ("withdrawn", ""),
    "refused": ("refused", "bad"),
}
"""The words and the mark of each state, as people are told it."""


class Listed(NamedTuple):
    """A proposal, and what keeps it from being approved."""

    proposal: Proposal
    stopped: str | None

    @property
    def host(self) -> str | None:
        """The hostname of what is asked for, or its key; None: it is no act on a host.

        Nor where the text can be read no longer: that is what keeps it from being approved.
        """
        text = strictjson.loads(self.proposal.members.encode("utf-8")).get("host")
        try:
            asked = None if text is None else received.parse(text)
        except LicenseError:
            return None
        return asked and (asked.name or asked.key)

    @property
    def state(self) -> str:
        """What became of it; who refuses their own withdraws it."""
        one = self.proposal
        return "withdrawn" if one.decided_by == one.proposed_by and one.decided_by else one.state


def _what(one: Listed, to: Reader) -> str:
    act = ACTS.get(one.proposal.act)
    done = "" if act is None else to.catalogue.gettext(act.words.button)
    return f"{one.proposal.id}{to.marks.colon}{done}"


def _license(one: Listed, to: Reader) -> str:
    told = one.proposal.number or one.proposal.subject
    return told or to.catalogue.gettext("new licence")


def _license_page(one: Listed) -> str | None:
    number = one.proposal.number or one.proposal.subject
    return None if number is None else f"/licenses/{number}"


def _who(name: str | None, to: Reader) -> str | None:
    return None if name is None else actor_labels.words(name, to.catalogue.gettext)


def _why_not(one: Listed, to: Reader) -> str | None:
    if one.stopped is None:
        return None
    tr = to.catalogue.gettext
    return f"{tr('cannot be approved:')} {say(one.stopped, tr)}".replace("`", "")


LIST = DeskList[Listed](
    "/proposals",
    {
        "proposal": Column(
            "Proposal", _what, lambda one: f"/proposals/{one.proposal.id}", look="text"
        ),
        "license": Column("Licence", _license, _license_page, look="number"),
        "customer": Column("Customer", lambda one, _: one.proposal.customer),
        "product": Column("Product", lambda one, _: one.proposal.product),
        "host": Column("Host", lambda one, _: one.host),
        "proposed_at": list_page.at(
            lambda one: one.proposal.proposed_at,
            "Proposed",
            lambda one, to: _who(one.proposal.proposed_by, to),
        ),
        "state": Column(
            "State",
            lambda one, to: to.catalogue.gettext(_STATES[one.state][0]),
            look="text",
            mark=lambda one: _STATES[one.state][1],
            aside=_why_not,
        ),
        "reason": Column("Reason", lambda one, _: one.proposal.reason),
        "decided_at": list_page.at(
            lambda one: one.proposal.decided_at,
            "Decided",
            lambda one, to: _who(one.proposal.decided_by, to),
        ),
        "decision": Column("Reason of the decision", lambda one, _: one.proposal.decision),
    },
    ("license", "customer", "product", "host", "proposed_at", "state"),
    frozenset(SORTS),
    filters=("state",),
)


def source(state: str, of: frozenset[str] | None) -> Source[Listed]:
    """The proposals in a *state* (``all``: in any), the newest first; *of*: of these products."""
    wanted = None if state == "all" else state

    def listed(connection: Connection, rows: list[Proposal]) -> list[Listed]:
        stopped = proposals.stopped(connection, rows)
        return [Listed(one, stopped.get(one.id)) for one in rows]

    return Source(
        lambda connection: proposal_store.count(connection, wanted, of),
        lambda connection, count, order, offset, limit: proposal_store.in_order(
            connection, count, order, offset=offset, limit=limit
        ),
        after_id(
            lambda connection, before, limit: proposal_store.listed(
                connection, wanted, before=before, limit=limit, of=of
            )
        ),
    ).told(listed)
