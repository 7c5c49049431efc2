"""The actions of the audit log, in words; English here, translated where they are shown."""

from license_server.licenses.acts import ACTS, BY_EVENT

ACTIONS = {act.event: act.words.event for act in ACTS.values()} | {
    "license.noted": "note added to licence",
    "license.ending": "reminder of expiry",
    "proposal.made": "proposal submitted",
    "proposal.approved": "proposal approved",
    "proposal.refused": "proposal refused",
    "request.filed": "request filed",
    "request.completed": "host added to request by a later mail",
    "request.taken": "request taken",
    "request.assigned": "request assigned",
    "request.noted": "note added to request",
    "request.answered": "reply to request written",
    "request.proposed": "request proposed for approval",
    "request.returned": "request back in the queue",
    "request.issued": "request answered with a licence",
    "request.refused": "request refused",
    "request.expired": "request expired",
    "mail.queued": "mail queued",
    "mail.sent": "mail sent",
    "mail.failed": "mail refused",
    "mail.bounced": "mail came back",
    "mail.unsure": "mail perhaps sent",
    "mail.retried": "mail to be sent again",
    "mail.cancelled": "mail cancelled",
    "customer.added": "customer added",
    "customer.changed": "customer changed",
    "customer.archived": "customer archived",
    "customer.unarchived": "customer taken out of the archive",
    "customer.merged": "customer merged",
    "customer.licenses-moved": "licences moved to another customer",
    "customer.contact-erased": "contact and notes of customer erased",
    "customer.erasure-begun": "erasure of customer begun",
    "customer.data-erased": "data of customer erased",
    "customer.erased": "customer erased",
    "product.added": "product added",
    "product.changed": "product changed",
    "product.archived": "product archived",
    "product.unarchived": "product taken out of the archive",
    "session.opened": "signed in",
    "sign-in.failed": "sign-in failed",
    "sign-in.locked": "sign-in locked",
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
    "user.erasure-begun": "erasure of user begun",
    "user.data-erased": "data of user erased",
    "user.erased": "user erased",
    "user.calendar-created": "calendar address created",
    "user.calendar-withdrawn": "calendar address withdrawn",
    "invitation.made": "user invited",
    "invitation.withdrawn": "invitation withdrawn",
    "token.created": "API token created",
    "token.revoked": "API token revoked",
    "webhook.added": "webhook added",
    "webhook.changed": "webhook changed",
    "webhook.paused": "webhook paused",
    "webhook.resumed": "webhook resumed",
    "webhook.secret-rotated": "secret of webhook rotated",
    "webhook.replayed": "deliveries sent to webhook again",
    "webhook.removed": "webhook removed",
    "portal.link-made": "link to customer portal made",
    "portal.link-sent": "one-time link to customer portal mailed",
    "portal.link-withdrawn": "link to customer portal withdrawn",
    "portal.opened": "customer portal opened",
    "portal.downloaded": "licence downloaded in customer portal",
    "keyset.installed": "keyset installed",
    "revocations.published": "revocation list published",
    "settings.changed": "settings changed",
    "server.data-erased": "old data erased",
    "server.initialised": "server set up",
    "server.backed-up": "backup made",
    "server.passphrase-changed": "passphrase of the keys changed",
    "server.restored": "server restored from a backup",
    "ledger.adopted": "existing rows added to the audit log",
}
"""Each action that is recorded, in the order in which they are offered."""


KINDS = {
    "licenses": "All of licences",
    "requests": "All of requests",
    "mails": "All of mails",
    "customers": "All of customers",
    "products": "All of products",
    "sign-ins": "All of signing in",
    "users": "All of users",
    "tokens": "All of API tokens",
    "webhooks": "All of webhooks",
    "portal": "All of the customer portal",
    "keys": "All of keys",
    "server": "All of the server",
}
"""The kinds of events (audit/kinds.py), in words."""


_MARKS = {"suspended": "warn", "revoked": "bad"}


def words(action: str) -> str:
    """The words for *action*; of one that a later version recorded, its name."""
    return ACTIONS.get(action) or action.replace(".", " ").replace("-", " ")


def mark(action: str) -> str:
    """How *action* is marked in a history: by what it left of a licence; what is no act: a note."""
    act = BY_EVENT.get(action)
    return "note" if act is None else _MARKS.get(act.leaves, "")
