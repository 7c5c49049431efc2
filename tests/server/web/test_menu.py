"""Each role sees only the pages that it may open."""

import pytest

from license_server.permissions import ROLES
from tests.support.desk import Desk, unique
from tests.support.desk_forms import RULES, add_customer, add_product
from tests.support.desk_user import DeskUser

LINKS = {
    "/customers": ("licenses:read", ("/customers/new",), "customers:write"),
    "/products": ("licenses:read", ("/products/new",), "products:write"),
    "/sheets": ("licenses:read", (), "licenses:issue"),
    "/people": ("people:manage", ("/people/new",), "people:manage"),
    "/tokens": ("tokens:manage", ("/tokens/new",), "tokens:manage"),
}
"""Each list: what it demands, what it links to, and what that demands."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("room", LINKS)
def test_menu_links_and_pages_follow_the_role(desk: Desk, role: str, room: str) -> None:
    needs, links, more = LINKS[room]
    somebody = DeskUser(desk, role)
    menu = somebody.get("/account").text
    assert (f'href="{room}"' in menu) is (needs in ROLES[role])
    shown = somebody.get(room)
    assert shown.status_code == (200 if needs in ROLES[role] else 403)
    for link in links:
        assert (f'href="{link}"' in shown.text) is (more in ROLES[role])
        assert somebody.get(link).status_code == (200 if more in ROLES[role] else 403)


def test_reader_sees_customers_and_products_without_a_form(desk: Desk, admin: DeskUser) -> None:
    customer = add_customer(admin, unique(desk, "Read"), notes="seen by all of us")
    product = add_product(admin, unique(desk, "read"), **RULES)
    reader = DeskUser(desk, "reader")
    for path in (customer, product):
        shown = reader.get(path).text
        assert f'action="{path}"' not in shown
        assert reader.post(path, etag="").status_code == 403
    assert "seen by all of us" in reader.get(customer).text
    assert "gpus=4, seats=20" in reader.get(product).text
