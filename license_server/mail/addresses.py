"""The address of who wrote, and that of who is to be answered."""

import re
from typing import NamedTuple

from license_server.mail import fields

_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+"')
_COMMENT = re.compile(r"\([^()]*+\)")
_IN_BRACKETS = re.compile(r"<([^<>]*+)>")
_LONGEST_FIELD = 2000
_LONGEST = 254
_LONGEST_NAME = 200


class Address(NamedTuple):
    """Whom a mail comes from, or goes to."""

    address: str
    """As ``local@domain``, of ASCII; never with a blank or a control character."""
    name: str = ""
    """What the person calls themselves; anybody can write anything there."""

    @property
    def domain(self) -> str:
        """In lower case."""
        return self.address.rpartition("@")[2].lower()


def is_address(text: str) -> bool:
    """Whether *text* is one address that a mail can be sent to, and nothing beside it."""
    return len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None


def written(address: str) -> str:
    """*address* as a mail and its envelope have it (RFC 5322 section 3.4.1, RFC 5321).

    Phones have addresses such as ``"li..lei"@docomo.example``, which people write without quotes.
    Raises ValueError for what is none.
    """
    if not is_address(address):
        raise ValueError("it is not the address of a mailbox")
    local, _, domain = address.rpartition("@")
    return address if all(local.split(".")) else f'"{local}"@{domain}'


def read(field: str) -> Address | None:
    """The one address in a field such as From, as it was sent; None for none, or for several.

    It is read before encoded words are: what they hide is a name, and never an address.
    """
    if len(field) > _LONGEST_FIELD:
        return None
    bare = _COMMENT.sub(" ", _QUOTED.sub(" ", field))
    in_brackets = _IN_BRACKETS.findall(bare)
    found = in_brackets or [one for one in re.split(r"[,;]", bare) if one.strip()]
    if len(found) != 1 or not is_address(found[0].strip()):
        return None
    named = field[: field.rfind(f"<{found[0]}>")] if in_brackets else ""
    name = fields.words(named).strip().strip('"').strip()
    return Address(found[0].strip(), name.replace('\\"', '"')[:_LONGEST_NAME])
