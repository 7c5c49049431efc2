"""Who acted, in words: ``user:`` is left out, ``token:ci`` is a program's."""

from collections.abc import Callable

from license_core.wording import printable
from license_server.actor import CONTACT, NOBODY


def words(actor: str, tr: Callable[[str], str]) -> str:
    """Who *actor* was, for people; *tr* translates."""
    kind, _, name = actor.partition(":")
    if kind == "token":
        return printable(tr("API token %(name)s") % {"name": name})
    if kind == CONTACT:
        return printable(tr("customer contact (portal link %(id)s)") % {"id": name})
    if actor == NOBODY.name:
        return tr("somebody who is not signed in")
    if kind == "command" and name:
        return printable(tr("%(name)s at the command line") % {"name": name})
    if kind == "command":
        return tr("the command line")
    if kind == "rule":
        return printable(tr("the server, by the rule of %(name)s") % {"name": name})
    if kind == "server":
        return tr("the server")
    return printable(name if kind == "user" else actor)
