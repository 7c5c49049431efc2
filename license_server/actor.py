"""Who acts: a user at the desk, a program with an API token, or a command on the server."""

from typing import NamedTuple

from license_core.errors import NotPermittedError
from license_core.reason import Reason
from license_server.permissions import PERMISSIONS, WHOLE


class Actor(NamedTuple):
    """Somebody, and what they may do."""

    name: str
    """As the audit log has it: ``user:ADDRESS``, ``token:NAME`` or ``command``."""
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


COMMAND = Actor("command", frozenset(PERMISSIONS))
"""Whoever runs ``license-server``: the files of the server are theirs anyway."""
