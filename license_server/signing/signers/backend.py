"""The interface of a signing key backend: what it is given and what it reports."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from license_core.publickey import PublicKey

ReadPassphrase = Callable[[str], bytes]
"""The passphrase of what is named."""
Random = Callable[[int], bytes]


class Described(NamedTuple):
    """What can be told of a key."""

    public_key: PublicKey
    place: str
    exportable: bool
    """Whether its private part can be had out of where it is."""


@runtime_checkable
class Remote(Protocol):
    """A signer whose key is elsewhere: it can take long, and be gone and come back."""

    most: int | None
    """The bytes of the longest message that it signs; None: of any."""

    def check(self) -> None:
        """Raise SignerUnavailableError unless it could sign now. Nothing is signed."""

    def describe(self) -> Described:
        """What can be told of the key. Raises SignerUnavailableError."""
