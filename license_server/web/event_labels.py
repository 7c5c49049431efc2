"""The actions of the record, in words; English here, translated where they are shown."""

ACTIONS = {
    "license.issued": "licence issued",
    "license.renewed": "licence renewed",
    "license.rehosted": "licence rehosted",
    "license.changed": "licence changed",
    "license.suspended": "licence suspended",
    "license.reinstated": "licence reinstated",
    "license.revoked": "licence revoked",
    "license.reissued": "licence reissued with another key",
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


def words(action: str) -> str:
    """The words for *action*; of one that a later version recorded, its name."""
    return ACTIONS.get(action) or action.replace(".", " ").replace("-", " ")
