"""Who acts: a user at the desk, a program with an API token, or a command on the server."""

from typing import NamedTuple

from license_core.errors import NotPermittedError
from license_core.reason import Reason
from license_core.wording import printable
from license_server.permissions import PERMISSIONS, WHOLE


class Actor(NamedTuple):
    """Somebody, and what they may do."""

    name: str
    """As the audit log has it: ``user:ADDRESS``, ``token:NAME``, ``command:LOGIN`` or
    ``command:LOGIN as LOGIN``; ``command`` alone, where nobody typed it; ``contact:LINK``, of a
    customer, who came by the portal link of this number; ``server``;
    ``rule:PRODUCT``; NOBODY."""
    permissions: frozenset[str]
    products: frozenset[str] | None = None
    """The products that they may issue for; None: all."""
    address: str | None = None
    """Where they act from; None: on the server's machine."""
    lost: frozenset[str] = frozenset()
    """What they were permitted once, and are not any more."""
    why: str = ""
    """Why not."""

    def need(self, permission: str, product: str | None = None) -> None:
        """Raise NotPermittedError unless this actor may do that, for that *product*."""
        if permission not in self.permissions:
            reason = Reason(
                "{name} is not allowed to {what} (permission {permission})",
                name=self.name,
                what=Reason(PERMISSIONS[permission]),
                permission=permission,
            )
            if permission in self.lost:
                reason = Reason(
                    "{name} is not allowed to {what} (permission {permission}): {why}",
                    **reason.facts,
                    why=self.why,
                )
            raise NotPermittedError(reason=reason)
        if permission in WHOLE and self.products is not None:
            reason = Reason(
                "{name} is restricted to some products, but {permission} applies to the "
                "whole server",
                name=self.name,
                permission=permission,
            )
            raise NotPermittedError(reason=reason)
        if product is not None and not self.may_use(product):
            reason = Reason(
                "{name} has no access to the product {product}", name=self.name, product=product
            )
            raise NotPermittedError(reason=reason)

    def may_use(self, product: str) -> bool:
        """Whether this actor may act on licences of *product*."""
        return self.products is None or product in self.products


_COMMAND = "command"
COMMAND = Actor(_COMMAND, frozenset(PERMISSIONS))
"""The server's own machine: its files are theirs anyway who run ``license-server``."""
SERVER = Actor("server", frozenset({"revocations:publish", "requests:write"}))
"""The server, which does by itself what its settings say."""
SENDER = SERVER._replace(permissions=frozenset({"webhooks:manage"}))
"""The server, which pauses a webhook that cannot be reached."""
CONTACT = "contact"
"""Somebody of a customer, in the customer portal."""
REMINDER = SERVER._replace(permissions=frozenset({"licenses:issue"}))
"""The server, which reminds customers of what ends."""
_RULE = "rule"
NOBODY = Actor("nobody", frozenset())
"""Somebody who is not signed in."""


def by_rule(product: str) -> Actor:
    """The server, by the rule of a *product* for mails of known senders."""
    permissions = frozenset({"licenses:read", "licenses:issue", "requests:read", "requests:write"})
    return Actor(f"{_RULE}:{product}", permissions)


def at_shell(login: str, behind: str | None = None) -> Actor:
    """Who runs a command as the operating system's user *login*; *behind*: who called sudo."""
    name = login if behind is None else f"{behind} as {login}"
    return COMMAND._replace(name=f"{_COMMAND}:{name}"[:200])


def is_command(name: str) -> bool:
    """Whether the actor of this *name* ran a command on the server's machine."""
    return name.partition(":")[0] == _COMMAND


def told(name: str) -> str:
    """Who the actor of this *name* is, for people: ``user:`` is left out, ``token:ci`` a program's.

    Where it is more than a name, it is a Reason.
    """
    kind, _, rest = name.partition(":")
    rest = printable(rest)
    if name == NOBODY.name:
        return Reason("somebody who is not signed in")
    if kind in _KINDS:
        return Reason(_KINDS[kind], name=rest)
    if kind == _COMMAND:
        return (
            Reason("{name} at the command line", name=rest) if rest else Reason("the command line")
        )
    if kind == SERVER.name:
        return Reason("the server")
    return rest if kind == "user" else printable(name)


_KINDS = {
    "token": "API token {name}",
    CONTACT: "customer contact (portal link {name})",
    _RULE: "the server, by the rule of {name}",
}
