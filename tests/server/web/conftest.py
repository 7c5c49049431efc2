"""Users signed in at the desk."""

from collections.abc import Iterator

import pytest

from license_server.actor import COMMAND
from license_server.catalog import products
from tests.support.desk import Desk
from tests.support.desk_user import DeskUser
from tests.support.pages import sign_in


@pytest.fixture
def issuer(desk: Desk) -> DeskUser:
    return DeskUser(desk, "issuer")


@pytest.fixture
def guarded(desk: Desk) -> Iterator[str]:
    """A product whose licences a second person must approve."""
    name = f"guarded{desk.clock.now}"
    wanted = {"name": name, "needs_approval": True}
    desk.site.database.write(lambda c: products.add(c, wanted, COMMAND, desk.clock.now))
    yield name


@pytest.fixture
def admin(desk: Desk) -> DeskUser:
    return DeskUser(desk)


@pytest.fixture
def signed_in(desk: Desk) -> Desk:
    assert sign_in(desk).status_code == 303
    return desk
