"""The actions of the audit log, in words; English here, translated where they are shown."""

from license_server.licenses.acts import ACTS, BY_EVENT

ACTIONS = {act.event: act.words.event for act in ACTS.values()} | {
    "license.noted": "note added to licence",
    "proposal.made": "proposal submitted",
    "proposal.approved": "proposal approved",
    "proposal.refused": "proposal refused",
    "customer.added": "customer added",
    "customer.changed": "customer changed",
    "product.added": "product added",
    "product.changed": "product changed",
    "session.opened": "signed in",
    "session.ended-all": "all sessions ended",
    "recovery-code.used": "recovery code used",
    "recovery-codes.made": "recovery codes generated",
    "user.added": "user added",
    "user.role-changed": "user role changed",
    "user.password-changed": "password changed",
    "user.codes-set-up": "one-time codes turned on",
    "user.codes-ended": "one-time codes turned off",
    "user.linked": "user linked to single sign-on",
    "user.ended": "user disabled",
    "user.reopened": "user enabled again",
    "invitation.made": "user invited",
    "invitation.withdrawn": "invitation withdrawn",
    "token.created": "API token created",
    "token.revoked": "API token revoked",
    "keyset.installed": "keyset installed",
    "revocations.published": "revocation list published",
    "server.initialised": "server set up",
    "server.restored": "server restored from a backup",
    "ledger.adopted": "existing rows added to the audit log",
}
"""Each action that is recorded, in the order in which they are offered."""


_MARKS = {"suspended": "warn", "revoked": "bad"}


def words(action: str) -> str:
    """The words for *action*; of one that a later version recorded, its name."""
    return ACTIONS.get(action) or action.replace(".", " ").replace("-", " ")


def mark(action: str) -> str:
    """How *action* is marked in a history: by what it left of a licence; what is no act: a note."""
    act = BY_EVENT.get(action)
    return "note" if act is None else _MARKS.get(act.leaves, "")
