"""Who acted, in the words of the reader."""

from collections.abc import Callable

from license_core.reason import Reason, say
from license_server.actor import told


def words(actor: str, tr: Callable[[str], str]) -> str:
    """Who *actor* was, for people; *tr* translates."""
    said = told(actor)
    return say(said, tr) if isinstance(said, Reason) else said
