"""The actions of the record, in words; English here, translated where they are shown."""

ACTIONS = {
    "license.issued": "licence issued",
    "license.renewed": "licence renewed",
    "license.rehosted": "licence moved to another host",
    "license.changed": "licence changed",
    "license.suspended": "licence suspended",
    "license.reinstated": "licence reinstated",
    "license.revoked": "licence revoked",
    "license.reissued": "licence issued again with another key",
    "license.noted": "note added to a licence",
    "proposal.made": "proposal made",
    "proposal.approved": "proposal approved",
    "proposal.refused": "proposal refused",
    "customer.added": "customer added",
    "customer.changed": "customer changed",
    "product.added": "product added",
    "product.changed": "product changed",
    "session.opened": "signed in",
    "session.ended-all": "signed out everywhere",
    "recovery-code.used": "recovery code used",
    "recovery-codes.made": "recovery codes made",
    "user.added": "person added",
    "user.role-changed": "role of a person changed",
    "user.password-changed": "password changed",
    "user.codes-set-up": "one-time codes set up",
    "user.codes-ended": "one-time codes ended",
    "user.linked": "person linked to the company account",
    "user.ended": "account of a person ended",
    "user.reopened": "account of a person opened again",
    "invitation.made": "invitation made",
    "invitation.withdrawn": "invitation withdrawn",
    "token.created": "token made",
    "token.revoked": "token revoked",
    "keyset.installed": "keyset installed",
    "revocations.published": "revocation list published",
    "server.initialised": "server set up",
    "server.restored": "server restored from a backup",
    "ledger.adopted": "former rows taken into the record",
}
"""Each action that is recorded, in the order in which they are offered."""


def words(action: str) -> str:
    """The words for *action*; of one that a later version recorded, its name."""
    return ACTIONS.get(action) or action.replace(".", " ").replace("-", " ")
