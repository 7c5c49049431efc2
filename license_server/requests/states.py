"""What became of a request, in words."""

from license_core.reason import Reason
from license_server import actor
from license_server.requests.request_store import StoredRequest

_WORDS = {
    "new": "in the queue",
    "waiting": "waiting for approval",
    "issued": "issued",
    "refused": "refused",
    "expired": "expired",
}


def told(stored: StoredRequest) -> Reason:
    """The end of a sentence that says it: *request 7 is …*."""
    if stored.license is not None:
        return Reason("answered with {number}", number=stored.license)
    if stored.state == "refused":
        return Reason("refused by {name}", name=actor.told(stored.closed_by or "nobody"))
    return Reason(_WORDS[stored.state])
