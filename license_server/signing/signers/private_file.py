"""Files with secrets: read only if nobody but their owner can read them."""

import os
import stat

from license_core.errors import SignerUnavailableError
from license_core.paths import words
from license_server.signing.errors import SecretFileOpenError

_LARGEST = 64 * 1024
_OTHERS = 0o077


def read_private(path: str | os.PathLike[str]) -> bytes:
    """The bytes of the file *path*.

    Raises FileNotFoundError, SignerUnavailableError where it cannot be read, or
    SecretFileOpenError where others than its owner have rights to it.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & _OTHERS:
                raise SecretFileOpenError(path=name, mode=f"{mode:04o}")
            return stream.read(_LARGEST)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise SignerUnavailableError(reason=f"{name}: {words(error)}") from error
