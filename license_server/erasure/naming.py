"""How a user is named in what is kept: by the address, alone or in a text, and as an actor."""

import re
from typing import Any, NamedTuple, Self

from license_server.access import accounts
from license_server.access.access_store import StoredUser
from license_server.access.standing import USER

_BEFORE, _AFTER = r"(?<![\w.%+-])", r"(?![\w-]|\.\w)"
"""What an address does not stand within: a longer one."""


class Naming(NamedTuple):
    """Whose name is replaced."""

    id: int
    email: str
    """In lower case."""
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, user: StoredUser) -> Self:
        """That of *user*."""
        pattern = re.compile(f"{_BEFORE}{re.escape(user.email)}{_AFTER}", re.IGNORECASE)
        return cls(user.id, user.email, pattern)

    @property
    def actor(self) -> str:
        """As the audit log has it."""
        return f"{USER}{self.email}"

    @property
    def erased_name(self) -> str:
        """What stands in place of the address."""
        return accounts.erased_name(self.id)

    @property
    def erased_actor(self) -> str:
        """What stands in place of the actor."""
        return f"{USER}{self.erased_name}"

    def replaced(self, value: Any) -> Any:
        """*value*, as JSON can hold it, with the other name in every text.

        Where it says who did something, and from where, that address goes, too.
        """
        if isinstance(value, str):
            return self.pattern.sub(self.erased_name, value)
        if isinstance(value, list):
            return [self.replaced(one) for one in value]
        if isinstance(value, dict):
            gone = {"address": None} if value.get("by") == self.actor else {}
            return {name: self.replaced(one) for name, one in value.items()} | gone
        return value
