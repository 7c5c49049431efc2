"""Shards of the revocation list in force, signed when somebody asks for one (ADR 52).

A shard says of the licences whose digests begin alike what the whole list says (SPEC section 8).
It is made of the sorted digests of that list, and has its number and dates.
"""

import threading
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from license_core import jws
from license_core.reason import Reason
from license_core.revocation import DIGEST_BYTES, Revocations, digest
from license_core.revocation_errors import RevocationsTooLargeError
from license_server.db.errors import InputInvalidError
from license_server.signing import revocation_store
from license_server.signing.issuer import Issuer, check_signing_key
from license_server.signing.list_file import Published, file_of, published
from license_server.signing.revocation_store import StoredList

LARGEST_SHARD = 32 * 1024
"""Bytes of a shard's file, at the most: it fits into a licence's file, too."""
MOST_LICENSES = 256
"""For how many licences one file is: 8 MiB of shards, where clients read 16."""
MOST_DIGITS = 4
"""Of a prefix: 65,536 shards."""


class Shards:
    """A list that was published, from which shards are cut and signed."""

    def __init__(self, stored: StoredList, issuer: Issuer) -> None:
        self._whole = published(stored, file_of(stored)) if stored.is_whole else None
        self._issuer = issuer
        self._listed = stored.listed()
        self.stored = stored._replace(
            token="", keyset_version=issuer.version, keyset_token=issuer.keyset_token
        )
        """Without its token, which may be long."""
        self.digits = _digits(self._listed, self.stored, issuer)
        """With how many digits the digests of a shard begin alike; 0: the whole list is short."""
        self._signed: dict[str, str] = {}

    def counts_for(self, number: int, issuer: Issuer) -> bool:
        """Whether list *number* is in force, and *issuer* signs."""
        return number == self.stored.number and issuer.keyset is self._issuer.keyset

    @property
    def count(self) -> int:
        """How many shards there are."""
        return int(16**self.digits)

    @property
    def licenses(self) -> int:
        """How many licences the whole list has."""
        return len(self._listed.digests) // DIGEST_BYTES

    @property
    def is_whole(self) -> bool:
        """Whether the whole list is signed, and served."""
        return self._whole is not None

    def whole(self) -> Published:
        """The whole list. Raises RevocationsTooLargeError where it is published in shards alone."""
        if self._whole is None:
            raise RevocationsTooLargeError(number=self.stored.number)
        return self._whole

    def of(self, numbers: Sequence[str], now: int) -> Published:
        """The file for the licences with these *numbers*: their shards, each once.

        The whole list, where that is short. Raises InputInvalidError for more than MOST_LICENSES,
        SignerUnavailableError, TooLargeToSignError.
        """
        _check_count(numbers)
        if not self.digits and self._whole is not None:
            return self._whole
        return published(self.stored, file_of(self.stored, *self.tokens(numbers, now)))

    def unsigned(self, numbers: Sequence[str]) -> list[str]:
        """One of these *numbers* for each of their shards that is still to be signed.

        Raises InputInvalidError as above.
        """
        _check_count(numbers)
        if not self.digits and self._whole is not None:
            return []
        by_prefix = {self._prefix(number): number for number in numbers}
        return [number for prefix, number in by_prefix.items() if prefix not in self._signed]

    def tokens(self, numbers: Sequence[str], now: int) -> list[str]:
        """The shards of these licences, each once. Raises as above."""
        return [self._token(one, now) for one in sorted({self._prefix(one) for one in numbers})]

    def cut(self, prefix: str, now: int) -> bytes:
        """The file of the shard of *prefix*, which is not kept. Raises as above."""
        check_signing_key(self._issuer, now)
        return file_of(self.stored, self._listed.shard(prefix).sign(self._issuer.signer))

    def _prefix(self, number: str) -> str:
        return digest(number).hex()[: self.digits]

    def _token(self, prefix: str, now: int) -> str:
        if prefix not in self._signed:
            check_signing_key(self._issuer, now)
            self._signed[prefix] = self._listed.shard(prefix).sign(self._issuer.signer)
        return self._signed[prefix]


class Kept:
    """The list in force: read once for each list and keyset, and given to everybody."""

    def __init__(self) -> None:
        self._shards: Shards | None = None
        self._reading = threading.Lock()

    def newest(self, connection: Connection, issuer: Issuer) -> Shards | None:
        """The list in force; None: none was published."""
        number = revocation_store.newest_number(connection)
        with self._reading:  # a long list takes much memory until it is read
            if self._shards is None or not self._shards.counts_for(number, issuer):
                self._shards = None
                stored = revocation_store.by_number(connection, number)
                self._shards = None if stored is None else Shards(stored, issuer)
            return self._shards


def _check_count(numbers: Sequence[str]) -> None:
    if len(numbers) > MOST_LICENSES:
        reason = Reason("one file is for {most} licences at most", most=MOST_LICENSES)
        raise InputInvalidError(field="license", reason=reason)


def can_be_signed(listed: Revocations, stored: StoredList, issuer: Issuer, most: int) -> bool:
    """Whether the signer takes a list, and its file has at most so many bytes."""
    size = sum(map(len, listed.payload()))
    header = jws.header(issuer.signer.public_key.kid, jws.REVOCATIONS)
    message = len(header) + len(".") + (size * 4 + 2) // 3  # base64url has four for three
    limit = None if issuer.remote is None else issuer.remote.most
    if message > (most if limit is None else min(most, limit)):
        return False
    token = f"{f'{header}.'.ljust(message, 'x')}.{'x' * jws.SIGNATURE_CHARACTERS}"
    return len(file_of(stored, token)) <= most


def _digits(listed: Revocations, stored: StoredList, issuer: Issuer) -> int:
    """The fewest digits with which each shard can be signed, and is short."""
    run = listed.digests
    begins = Counter(zip(run[0::DIGEST_BYTES], run[1::DIGEST_BYTES], strict=True))
    by_start = Counter[str]()
    for (first, second), count in begins.items():
        by_start[f"{first:02x}{second:02x}"] = count
    for digits in range(MOST_DIGITS):
        sizes = Counter[str]()
        for start, count in by_start.items():
            sizes[start[:digits]] += count
        largest = max(sizes, key=lambda start: sizes[start], default="0" * digits)
        if can_be_signed(listed.shard(largest), stored, issuer, LARGEST_SHARD):
            return digits
    return MOST_DIGITS
