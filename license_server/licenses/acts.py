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
PLAN = "plan"
"""The member that names a plan of the product (catalog/plans.py)."""
OVERRIDE = "override"
"""The member that says: though it is the second of what is given once (kinds.py)."""
TEXT = "text"
"""The member that has what the operator sent of a licence that was given back."""
UNPROVEN = "unproven"
"""The member that says of it: though nothing proves it."""
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
    """The state in which it leaves the licence; ``active``: it stays as it is."""
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
        return self.leaves in ("replaced", "active")

    @property
    def stands_in(self) -> bool:
        """Whether its licence stands beside the former one, and does not replace it."""
        return self.leaves == "active"

    @property
    def sets_term(self) -> bool:
        """Whether it says how long the new licence holds."""
        return TERM[0] in self.may_change

    @property
    def names_host(self) -> bool:
        """Whether it says for which host the new licence is; what stands in may leave it out."""
        return "host" in self.may_change


ISSUE = Act(
    name="issue",
    past="issued",
    permission="licenses:issue",
    may_change=(
        *("customer", "product", "host", *TERM, "edition", "features", "limits", "match"),
        *("notify_days", "grace_days", "maintenance_until", "replaces", "contract"),
        *(PLAN, OVERRIDE),
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
    may_change=(*TERM, "continue_from", "notify_days", "grace_days", "contract", PLAN, OVERRIDE),
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
    form=Form(reason_hint="For example who asked for it."),
    example={"days": 365},
)
REHOST = Act(
    name="rehost",
    past="rehosted",
    permission="licenses:issue",
    needs_reason=True,
    starts_from=("active", "returned"),
    may_change=("host", "match", OVERRIDE),
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
    may_change=(*CHANGES, "maintenance_until", "time_zone", "contract", PLAN, OVERRIDE),
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
        reason_hint="For example who asked for it.",
        remark="Edit only what should change; everything else stays the same.",
    ),
    example={"limits": {"gpus": 8}},
)
STOP_GAP = Act(
    name="stop-gap",
    past="stop-gap",
    permission="licenses:issue",
    leaves="active",
    may_change=("host", OVERRIDE),
    words=Wording(
        verb="issue a stop-gap for",
        done="Stop-gap issued",
        event="stop-gap issued",
        button="Stop-gap",
        heading="Stop-gap for %(number)s",
        counted="stop-gaps",
        summary="Issue a stop-gap for a licence",
        description="Issue a licence of seven days beside one, for another host, or once it is "
        "over: once a year for a customer.",
        command="Issue a stop-gap for the licence NUMBER: seven days, once a year for a customer.",
    ),
    form=Form(
        reason_hint="For example: the host broke, purchase order on its way.",
        explanation="A licence of seven days that says what this one says, for another host, or "
        "for the same one once this one is over. This one stays as it is.",
        remark="A customer gets one within a year.",
    ),
    example={"reason": "host broken"},
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
    starts_from=("suspended", "returned"),
    needs_reason=True,
    words=Wording(
        verb="reinstate",
        done="Reinstated",
        event="licence reinstated",
        button="Reinstate",
        heading="Reinstate %(number)s",
        counted="reinstated",
        summary="Reinstate a licence",
        description="Replace a licence that is suspended, or was given back, with a valid one.",
        command="Reinstate NUMBER, which is suspended or was given back, as a new licence.",
    ),
    form=Form(
        reason_hint="For example: invoice paid. Kept in the audit log.",
        explanation="A new licence with a new number replaces this one, "
        "with the same entitlements and expiry.",
    ),
    example={"reason": "paid"},
)
RETURN = Act(
    name="return",
    past="returned",
    permission="licenses:end",
    starts_from=("active", "suspended"),
    leaves="returned",
    may_change=(TEXT, UNPROVEN),
    words=Wording(
        verb="end as given back",
        done="Given back",
        event="licence given back",
        button="Given back",
        heading="End %(number)s as given back",
        summary="End a licence that was given back",
        description="End a licence that its operator removed. The text of `return` is evidence "
        "where the licence names its secret; without it, say `unproven`.",
        command="End the licence NUMBER, which its operator gave back.",
    ),
    form=Form(
        reason_hint="For example: moves to a new server.",
        explanation="The licence is over. Where the text proves it, moving it to another host does "
        "not count as a rehost.",
        remark="The text shows that whoever sent it had the files of this host. It cannot rule "
        "out that a copy of the host is restored later.",
    ),
    example={"unproven": True, "reason": "moves to a new server"},
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
        explanation="A revoked licence cannot be renewed, rehosted or changed. A revocation made "
        "by mistake is undone with a new licence.",
        remark=_FILE_STAYS,
    ),
    example={"reason": "unpaid"},
)
UNREVOKE = Act(
    name="unrevoke",
    past="unrevoked",
    permission="licenses:end",
    starts_from=("revoked",),
    needs_reason=True,
    words=Wording(
        verb="bring back",
        done="Revocation undone",
        event="revocation undone",
        button="Undo the revocation",
        heading="Undo the revocation of %(number)s",
        counted="brought back",
        summary="Undo a revocation",
        description="Replace a licence that was revoked by mistake with a valid one.",
        command="Undo the revocation of NUMBER: issue it again as a new licence.",
    ),
    form=Form(
        reason_hint="For example: the wrong licence was revoked. Kept in the audit log.",
        explanation="A new licence with a new number replaces the revoked one, "
        "with the same entitlements and expiry.",
        remark="Send its file to the operator: sites that have received a revocation list "
        "since then reject the former one.",
    ),
    example={"reason": "the wrong licence"},
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
    act.name: act
    for act in (
        ISSUE,
        RENEW,
        REHOST,
        CHANGE,
        STOP_GAP,
        SUSPEND,
        REINSTATE,
        REVOKE,
        UNREVOKE,
        RETURN,
        REISSUE,
    )
}
"""Each act by its name, in the order in which they are listed."""
MANY = (RENEW, SUSPEND, REINSTATE, REVOKE, UNREVOKE)
"""Those that somebody may do to many licences at once: the same for each."""
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
