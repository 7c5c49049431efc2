"""Tests of mails that come in: a mailbox, and a server that reads it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import imap
from tests.support.desk import Desk
from tests.support.imap import Server
from tests.support.mailroom import Hall


@pytest.fixture
def there() -> Iterator[Server]:
    with imap.serving() as server:
        yield server


@pytest.fixture
def hall(desk: Desk, there: Server, tmp_path: Path) -> Hall:
    return Hall(desk, there, tmp_path)
