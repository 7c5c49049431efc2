"""A vendor for one test alone, with its administrator signed in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient

from license_server.app import create_app
from tests.support import server
from tests.support.desk import Clock, Desk
from tests.support.pages import sign_in


@contextmanager
def fresh(folder: Path) -> Iterator[Desk]:
    """A new vendor with its administrator signed in."""
    clock = Clock()
    made = server.make(folder / "server", None, clock.now)
    app = create_app(made, clock=clock, random=os.urandom)
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        desk = Desk(client, app.state.server.site, made, "", clock)
        assert sign_in(desk).status_code == 303
        yield desk
