"""How long the signing key took of late, and how often it could not sign: for people to look at."""

import threading
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import NamedTuple, Protocol

from license_core.errors import SignerUnavailableError
from license_core.publickey import PublicKey
from license_core.signer import Signer

_KEPT = 200


class Told(NamedTuple):
    """The last signatures of this process."""

    made: int
    usual: int
    """Milliseconds: half of them took no longer."""
    slowest: int
    """Milliseconds."""
    failed: int
    """How many attempts have failed since this process began to use the key."""


class Times(Protocol):
    """Who is told how long each signature took."""

    def note(self, seconds: float) -> None:
        """A signature took *seconds*."""

    def note_failure(self) -> None:
        """There was no signature."""


class SigningTimes:
    """The times of one key, in this process."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_KEPT)
        self._failed = 0
        self._lock = threading.Lock()

    def note(self, seconds: float) -> None:
        """A signature took *seconds*."""
        with self._lock:
            self._seconds.append(seconds)

    def note_failure(self) -> None:
        """There was no signature."""
        with self._lock:
            self._failed += 1

    def told(self) -> Told | None:
        """What there is to tell; None: nothing was signed or tried yet."""
        with self._lock:
            seconds, failed = list(self._seconds), self._failed
        if not seconds:
            return Told(0, 0, 0, failed) if failed else None
        usual, slowest = round(1000 * median(seconds)), round(1000 * max(seconds))
        return Told(len(seconds), usual, slowest, failed)


class TimedSigner:
    """A signer whose signatures are timed."""

    def __init__(self, signer: Signer, times: Times, passing: Callable[[], float]) -> None:
        """*passing*: any clock that only goes on, in seconds."""
        self._signer, self._times, self._passing = signer, times, passing

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signer signs."""
        return self._signer.public_key

    def sign(self, message: bytes) -> bytes:
        """The signature over *message*."""
        begun = self._passing()
        try:
            signature = self._signer.sign(message)
        except SignerUnavailableError:
            self._times.note_failure()
            raise
        self._times.note(self._passing() - begun)
        return signature
