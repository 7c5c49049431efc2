"""Where a command writes what it makes."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from license_core.disk import told_plainly


@contextmanager
def written(name: str) -> Iterator[Callable[[bytes], object]]:
    """A way to write the file *name* whole; that it can be written is known before it is used."""
    if name == "-":
        yield sys.stdout.buffer.write
        return
    path = Path(name)
    new = path.with_name(f"{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with new.open("xb") as stream:
            yield stream.write
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, path)
    except OSError as error:
        raise told_plainly(error, name) from error
    finally:
        new.unlink(missing_ok=True)
