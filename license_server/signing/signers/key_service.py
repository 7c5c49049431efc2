"""A private key in a service that signs over the network: what is the same for each of them.

Whoever wants a signature waits only so long, and only so many wait. A service that comes back is
used without a restart: nothing is remembered of a failure. Each signature is verified.
"""

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from license_core.errors import SignerUnavailableError
from license_core.publickey import PublicKey
from license_server.signing.errors import TooLargeToSignError
from license_server.signing.signers.backend import Described

T = TypeVar("T")

_AT_ONCE = 8
_MOST_WAITING = 16
"""So many may wait beside those that are asked for; a request more is refused at once."""


class KeyService(Protocol):
    """One key in a service. Whatever it cannot do raises SignerUnavailableError."""

    kind: str
    """What the service is called, for anybody to read."""
    place: str
    """Which key it is, and where."""
    most: int
    """The bytes of the longest message that it signs."""
    patience: float
    """Seconds that an answer may take."""

    def read_key(self) -> Described:
        """What can be told of the key."""

    def sign(self, message: bytes) -> bytes:
        """The signature over *message*, as the service gives it."""


class ServiceSigner:
    """A signer whose private key is in a service."""

    def __init__(self, service: KeyService) -> None:
        """Raises SignerUnavailableError."""
        self._service = service
        self.most: int | None = service.most
        self._places = threading.BoundedSemaphore(_AT_ONCE + _MOST_WAITING)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="signer")
        weakref.finalize(self, self._pool.shutdown, wait=False)
        self.public_key = self._ask(service.read_key).public_key

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over *message*, which verifies.

        Raises TooLargeToSignError, before the service is asked, or SignerUnavailableError.
        """
        service = self._service
        if len(message) > service.most:
            raise TooLargeToSignError(kind=service.kind, size=len(message), most=service.most)
        signature = self._ask(lambda: service.sign(message))
        if not self.public_key.verifies(signature, message):
            raise self._unavailable("its signature does not verify")
        return signature

    def check(self) -> None:
        """Raise SignerUnavailableError unless the service answers, and has the same key."""
        if self._ask(self._service.read_key).public_key != self.public_key:
            raise self._unavailable("it has another key now; restart the server to use it")

    def describe(self) -> Described:
        """What the service tells of the key. Raises SignerUnavailableError."""
        return self._ask(self._service.read_key)

    def _ask(self, work: Callable[[], T]) -> T:
        """The result of *work*, within the patience of the service."""
        if not self._places.acquire(blocking=False):
            raise self._unavailable(f"{_MOST_WAITING} signatures are already waiting for it")
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._places.release())  # not while a thread is in it
        try:
            return future.result(self._service.patience)
        except TimeoutError as error:
            future.cancel()
            reason = f"it has not answered within {self._service.patience:g} seconds"
            raise self._unavailable(reason) from error

    def _unavailable(self, reason: str) -> SignerUnavailableError:
        return SignerUnavailableError(reason=f"{self._service.place}: {reason}")

    def __repr__(self) -> str:
        return f"ServiceSigner({self._service.place})"


def key_of_der(der: bytes) -> PublicKey:
    """The Ed25519 key in *der* (RFC 8410). Raises ValueError."""
    try:
        key = load_der_public_key(der)
    except UnsupportedAlgorithm as error:
        raise ValueError("it is of an unknown kind") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is not an Ed25519 key")
    return PublicKey(key.public_bytes_raw())
