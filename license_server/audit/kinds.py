"""The kinds of events: what they are about, by how their actions begin."""

BACKED_UP = "server.backed-up"
"""The action of an event that tells of a backup, which was made before."""
KINDS = {
    "licenses": ("license.", "proposal."),
    "requests": ("request.",),
    "mails": ("mail.",),
    "customers": ("customer.",),
    "products": ("product.",),
    "sign-ins": ("sign-in.", "session.", "recovery-code"),
    "users": ("user.", "invitation."),
    "tokens": ("token.",),
    "webhooks": ("webhook.",),
    "portal": ("portal.",),
    "keys": ("keyset.", "revocations."),
    "server": ("server.", "ledger.", "settings."),
}
"""Each kind, and how the actions of its events begin."""


def kind_of(action: str) -> str | None:
    """The kind of the events with this *action*; None: a later version recorded them."""
    return next((kind for kind, begin in KINDS.items() if action.startswith(begin)), None)
