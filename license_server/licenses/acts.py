"""The actions on licences, one row each; whatever plans, records or offers one reads its row.

Nothing is edited in place. An act that changes what a licence says signs a new one that names the
one it replaces, and the former row says what became of it. An act is planned by reading, signed
without a database, and recorded in one transaction, in which whoever comes second is told so.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from license_core.claims import ClaimError
from license_server.catalog import fields
from license_server.catalog.faults import Fault, Faults
from license_server.catalog.terms import CHANGES, TERM
from license_server.db.errors import InputInvalidError

REASON = "reason"
_LONGEST_REASON = 1000
_FILE_STAYS = (
    "The operator's file does not change: only a product that receives a revocation list "
    "rejects it before it expires."
)


class Wording(NamedTuple):
    """What people call an act. Desk and refusals translate it, API and shell say it as it is."""

    verb: str
    """In the sentence of a refusal."""
    done: str
    """In a licence's history."""
    event: str
    """In the audit log."""
    button: str = ""
    """Where one chooses an act, and beside a proposal."""
    heading: str = ""
    """Over its form, with the licence's ``number``."""
    counted: str = ""
    """In the picture of what was issued."""
    summary: str = ""
    """In the API's description: the operation's summary …"""
    description: str = ""
    """… and what it does."""
    command: str = ""
    """The help of its command in the shell."""


class Form(NamedTuple):
    """What the desk says at the form of an act, beside its fields."""

    reason_hint: str
    explanation: str = ""
    remark: str = ""
    """Of less weight than the explanation."""


class Act(NamedTuple):
    """An act on a licence."""

    name: str
    """In an address, a command and the ledger."""
    past: str
    """In the name of its event: ``license.`` and this word."""
    permission: str
    words: Wording
    starts_from: tuple[str, ...] = ("active",)
    """The states that a licence may be in."""
    leaves: str = "replaced"
    """The state in which it leaves the licence."""
    needs_reason: bool = False
    may_change: tuple[str, ...] = ()
    """The members of an order that it takes: what may be different from the licence before."""
    form: Form | None = None
    """None: nobody is offered it on a licence, at the desk, over the API or in the shell."""
    example: Mapping[str, Any] = {}  # never changed
    """Of what the API takes, but for a host."""

    @property
    def event(self) -> str:
        """The action under which it is recorded."""
        return f"license.{self.past}"

    @property
    def issues(self) -> bool:
        """Whether a new licence comes of it; another act ends a licence."""
        return self.leaves == "replaced"

    @property
    def sets_term(self) -> bool:
        """Whether it says how long the new licence holds."""
        return TERM[0] in self.may_change

    @property
    def names_host(self) -> bool:
        """Whether it must say for which host the new licence is."""
        return "host" in self.may_change


ISSUE = Act(
    name="issue",
    past="issued",
    permission="licenses:issue",
    may_change=(
        *("customer", "product", "host", *TERM, "edition", "features", "limits", "match"),
        *("notify_days", "grace_days", "maintenance_until", "replaces"),
    ),
    words=Wording(
        verb="issue",
        done="Issued",
        event="licence issued",
        button="Issue",
        heading="Issue a licence",
        counted="newly issued",
    ),
)
RENEW = Act(
    name="renew",
    past="renewed",
    permission="licenses:issue",
    may_change=(*TERM, "continue_from", "notify_days", "grace_days"),
    words=Wording(
        verb="renew",
        done="Renewed",
        event="licence renewed",
        button="Renew",
        heading="Renew %(number)s",
        counted="renewed",
        summary="Renew a licence",
        description="Renew a licence, from its expiry or from now on.",
        command="Renew the licence NUMBER and write the new file.",
    ),
    form=Form(reason_hint="For example the order number."),
    example={"days": 365},
)
REHOST = Act(
    name="rehost",
    past="rehosted",
    permission="licenses:issue",
    needs_reason=True,
    may_change=("host", "match"),
    words=Wording(
        verb="rehost",
        done="Rehosted",
        event="licence rehosted",
        button="Rehost",
        heading="Rehost %(number)s",
        counted="rehosted",
        summary="Rehost a licence",
        description="Replace a licence with one for another host.",
        command="Rehost: move the licence NUMBER to another host.",
    ),
    form=Form(reason_hint="For example: container recreated. Kept in the audit log."),
    example={"reason": "container recreated"},
)
CHANGE = Act(
    name="change",
    past="changed",
    permission="licenses:issue",
    may_change=(*CHANGES, "maintenance_until", "time_zone"),
    words=Wording(
        verb="change",
        done="Changed",
        event="licence changed",
        button="Change",
        heading="Change %(number)s",
        counted="changed",
        summary="Change a licence",
        description="Replace a licence with one that has other entitlements.",
        command="Change the entitlements of the licence NUMBER; the rest stays.",
    ),
    form=Form(
        reason_hint="For example the order number.",
        remark="Edit only what should change; everything else stays the same.",
    ),
    example={"limits": {"gpus": 8}},
)
SUSPEND = Act(
    name="suspend",
    past="suspended",
    permission="licenses:end",
    leaves="suspended",
    needs_reason=True,
    words=Wording(
        verb="suspend",
        done="Suspended",
        event="licence suspended",
        button="Suspend",
        heading="Suspend %(number)s",
        summary="Suspend a licence",
        description="Suspend a licence: it cannot be renewed, but it can be reinstated.",
        command="Suspend the licence NUMBER until it is reinstated or revoked.",
    ),
    form=Form(
        reason_hint="For example: invoice overdue. Kept in the audit log.",
        explanation="A suspended licence cannot be renewed, rehosted or changed; "
        "it can be reinstated or revoked.",
        remark=_FILE_STAYS,
    ),
    example={"reason": "unpaid"},
)
REINSTATE = Act(
    name="reinstate",
    past="reinstated",
    permission="licenses:end",
    starts_from=("suspended",),
    needs_reason=True,
    words=Wording(
        verb="reinstate",
        done="Reinstated",
        event="licence reinstated",
        button="Reinstate",
        heading="Reinstate %(number)s",
        counted="reinstated",
        summary="Reinstate a licence",
        description="Replace a suspended licence with a valid one.",
        command="Reinstate the suspended licence NUMBER as a new licence.",
    ),
    form=Form(
        reason_hint="For example: invoice paid. Kept in the audit log.",
        explanation="A new licence with a new number replaces the suspended one, "
        "with the same entitlements and expiry.",
    ),
    example={"reason": "paid"},
)
REVOKE = Act(
    name="revoke",
    past="revoked",
    permission="licenses:end",
    starts_from=("active", "suspended"),
    leaves="revoked",
    needs_reason=True,
    words=Wording(
        verb="revoke",
        done="Revoked",
        event="licence revoked",
        button="Revoke",
        heading="Revoke %(number)s",
        summary="Revoke a licence",
        description="Revoke a licence for good.",
        command="Revoke the licence NUMBER for good.",
    ),
    form=Form(
        reason_hint="For example: contract terminated. Kept in the audit log.",
        explanation="Revoking is final: it cannot be undone.",
        remark=_FILE_STAYS,
    ),
    example={"reason": "unpaid"},
)
REISSUE = Act(
    name="reissue",
    past="reissued",
    permission="licenses:issue",
    needs_reason=True,
    words=Wording(
        verb="reissue",
        done="Reissued with another key",
        event="licence reissued with another key",
        counted="reissued",
    ),
)

ACTS = {
    act.name: act for act in (ISSUE, RENEW, REHOST, CHANGE, SUSPEND, REINSTATE, REVOKE, REISSUE)
}
"""Each act by its name, in the order in which they are listed."""
OFFERED = tuple(act for act in ACTS.values() if act.form is not None)
"""Those that somebody may do to a licence."""
BY_EVENT = {act.event: act for act in ACTS.values()}
"""Each act by the action under which it is recorded."""


def only_reason(
    members: Mapping[str, Any],
    other: str,
    noted: Iterable[Fault] = (),
    *,
    needed: bool = True,
) -> str | None:
    """The reason in *members*, where nothing else may be: *other* says so.

    Raises InputInvalidError, which carries all that is wrong, *noted* first.
    """
    faults, rest = Faults(noted), dict(members)
    reason: str | None = faults.read(REASON, read_reason, rest, needed)
    faults.refuse_others(rest, (), other)
    faults.check()
    return reason


def read_reason(members: dict[str, Any], needed: bool) -> str | None:
    """Take the reason out of *members*. Raises InputInvalidError."""
    given = {REASON: members.pop(REASON, None)}
    if given[REASON] is None:
        if needed:
            raise InputInvalidError(field=REASON, reason="a reason is required")
        return None
    try:
        return fields.clean_text(given, REASON, _LONGEST_REASON)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
