"""The state of a mail, in words."""

from license_core.reason import Reason

WORDS = {
    "waiting": "waiting to be sent",
    "claimed": "being sent",
    "sending": "being sent",
    "sent": "sent",
    "failed": "refused by the other side",
    "bounced": "came back",
    "unsure": "perhaps sent",
    "held": "held after a restore",
    "cancelled": "cancelled",
}


def told(state: str) -> Reason:
    """The words for a *state*, which can be translated."""
    return Reason(WORDS.get(state, state))
