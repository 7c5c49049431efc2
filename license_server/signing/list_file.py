"""The file of a revocation list: words for people, the list, and what proves its key."""

import hashlib
import io
from typing import NamedTuple

from license_core import armor
from license_core.revocation_errors import RevocationsTooLargeError
from license_core.wording import utc
from license_server.signing import keysets
from license_server.signing.revocation_store import StoredList

FILE = "license.revocations"
"""What it is called, on the server and beside the licence."""


class Published(NamedTuple):
    """The file of the list that is in force, as it is served."""

    number: int
    body: bytes
    etag: str
    created_at: int
    expires_at: int


def published(stored: StoredList, body: bytes) -> Published:
    """*body*, a file of the list *stored*, with what a cache goes by."""
    etag = f'"{stored.number}-{hashlib.sha256(body).hexdigest()[:16]}"'
    return Published(stored.number, body, etag, stored.created_at, stored.expires_at)


def file_of(stored: StoredList, *shards: str) -> bytes:
    """``license.revocations`` with the whole list, or with *shards* of it, tokens.

    Raises RevocationsTooLargeError for a whole list that is published in shards alone.
    """
    if not shards and not stored.is_whole:
        raise RevocationsTooLargeError(number=stored.number)
    words = (
        f"Revocation list {stored.number}, made {utc(stored.created_at)}.\n"
        f"The next one is due {utc(stored.expires_at)}.\n\n"
    )
    tokens = shards or (stored.token,)
    file = io.BytesIO()
    file.write(words.encode("ascii"))
    for token in tokens:
        file.writelines(
            f"{line}\n".encode("ascii") for line in armor.lines(armor.REVOCATIONS, token)
        )
    file.write(keysets.blocks(stored.keyset_token).encode("ascii"))
    return file.getvalue()
