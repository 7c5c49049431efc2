"""What is left of a licence whose customer was erased: what was sold, and until when.

In place of its token stands a text that nobody signed: the claims without the customer and the
host. Pages and exports read it as they read any; a file cannot be made of it.
"""

import hashlib

from license_core import b64url
from license_core.license import HostBinding, License

_BEGINS = "erased."
"""No token does: they begin with their header in base64url."""


def is_erased(token: str) -> bool:
    """Whether that is what stands in place of a token."""
    return token.startswith(_BEGINS)


def host_key(number: str) -> str:
    """In place of a host key: 40 hexadecimal digits that no host has, others for each licence."""
    return hashlib.sha256(f"erased {number}".encode()).hexdigest()[:40]


def in_place_of(license_: License, customer: str) -> str:
    """What stands in place of the token of *license_*; *customer*: as it is called by now."""
    host = HostBinding(key=host_key(license_.jti), profile=license_.host.profile)
    return _BEGINS + b64url.encode(license_._replace(sub=customer, host=host).payload())
