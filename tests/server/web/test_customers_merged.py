"""At the desk: customers are merged and archived, products archived and titled."""

import re

from tests.support.desk import Desk, row, unique
from tests.support.desk_user import DeskUser


def added(desk: Desk, kind: str, name: str, **more: str) -> int:
    reply = DeskUser(desk).post(f"/{kind}", once=name, name=name, **more)
    assert reply.status_code == 303, reply.text
    return int(reply.headers["location"].partition("?")[0].rpartition("/")[2])


def test_merge_is_previewed_done_once_and_found_by_both_names(desk: Desk) -> None:
    user, mark = DeskUser(desk, "issuer"), unique(desk, "acme")
    former = added(desk, "customers", f"Old {mark}", notes="pays late")
    left = added(desk, "customers", f"New {mark}")
    number = user.issue(customer=f"Old {mark}")
    page = user.get(f"/customers/{former}/merge", name=f"New {mark}")
    assert "pays late" in page.text
    assert "cannot be undone" in page.text
    for _ in range(2):
        done = user.send(page.text, f"/customers/{former}/merge")
        assert done.headers["location"] == f"/customers/{left}?merged=1"
    assert user.get(f"/customers/{former}").headers["location"] == f"/customers/{left}"
    shown = user.get(f"/customers/{left}").text
    assert number in shown
    assert f"Old {mark}" in shown
    assert number in user.get("/licenses", customer=f"Old {mark}").text
    listed = user.get("/customers", q=f"Old {mark}").text
    assert re.findall(r'href="/customers/(\d+)"', listed) == [str(left)]


def test_merge_into_nobody_or_itself_says_so_at_the_field(desk: Desk) -> None:
    user, mark = DeskUser(desk, "issuer"), unique(desk, "acme")
    id_ = added(desk, "customers", mark)
    for name in ("nobody of this name", mark):
        reply = user.get(f"/customers/{id_}/merge", name=name)
        assert reply.status_code == 422
        assert 'aria-invalid="true"' in reply.text


def test_archived_customer_takes_no_new_licence_and_is_not_offered(desk: Desk) -> None:
    user, name = DeskUser(desk, "issuer"), unique(desk, "acme")
    id_ = added(desk, "customers", name)
    number = user.issue(customer=name)
    done = user.send(user.get(f"/customers/{id_}").text, f"/customers/{id_}/archive")
    assert done.headers["location"] == f"/customers/{id_}?archived=1"
    assert name not in user.get("/customers").text
    assert name in user.get("/customers", archived="1").text
    order = {"customer": name, "product": "darwin", "days": 30, "host": f'["{3:040x}", "x"]'}
    reply = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    assert (reply.status_code, reply.json()["type"]) == (409, "/problems/archived")
    renewed = desk.client.post(
        f"/api/v1/licenses/{number}/renew", json={"days": 90}, headers=desk.bearer
    )
    assert renewed.status_code == 201
    user.send(user.get(f"/customers/{id_}").text, f"/customers/{id_}/unarchive")
    assert row(desk, "customers", id=id_).archived_at is None


def test_product_nearly_called_so_is_added_only_by_who_is_sure(desk: Desk) -> None:
    admin, name = DeskUser(desk), f"seal{desk.clock.now}"
    id_ = added(desk, "products", name, title="The Seal")
    assert "The Seal" in admin.get(f"/products/{id_}").text
    again = admin.post("/products", once="o1", name=name.upper())
    assert again.status_code == 409
    assert name in again.text
    assert admin.post("/products", once="o2", name=name.upper(), sure="yes").status_code == 303


def test_order_makes_no_product_by_a_typing_error(desk: Desk) -> None:
    order = {"customer": "ACME", "days": 30, "host": f'["{4:040x}", "x"]'}
    count = desk.count("products")
    for typed in ("Darwin", "dawrin"):
        reply = desk.client.post(
            "/api/v1/licenses", json=order | {"product": typed}, headers=desk.bearer
        )
        assert (reply.status_code, reply.json()["type"]) == (422, "/problems/product-unknown")
        assert "darwin has nearly the same name" in reply.json()["detail"]
    assert desk.count("products") == count


def test_order_of_who_may_not_add_products_adds_none(desk: Desk) -> None:
    user, name = DeskUser(desk, "issuer"), f"unheard{desk.clock.now}"
    fields = {"customer": "ACME", "product": name, "term": "days", "days": "30"}
    page = user.post("/licenses/preview", host=f'["{5:040x}", "x"]', **fields)
    assert page.status_code == 422
    assert "has to be added first" in page.text
