"""A customer is erased at the desk."""

from tests.support.desk import Desk, row, unique
from tests.support.desk_user import DeskUser


def test_customer_is_erased_once_somebody_says_why(desk: Desk) -> None:
    user, name = DeskUser(desk), unique(desk, "Erna")
    number = user.issue(customer=name)
    id_ = row(desk, "customers", name=name).id
    path = f"/customers/{id_}/erase"
    assert f'href="{path}"' in user.get(f"/customers/{id_}").text
    page = user.get(path)
    assert name in page.text
    assert number in page.text
    assert user.send(page.text, path).status_code == 422
    assert user.send(page.text, path, reason="asked for").status_code == 409  # it is in force
    done = user.send(page.text, path, reason="asked for", live="yes")
    assert done.headers["location"] == f"/customers/{id_}?erased=1"
    shown = user.get(f"/customers/{id_}").text
    assert f"#{id_}, erased" in shown
    assert name not in shown
    assert path not in shown


def test_who_may_change_customers_may_not_erase_them(desk: Desk) -> None:
    user, name = DeskUser(desk, "issuer"), unique(desk, "Erna")
    user.issue(customer=name)
    id_ = row(desk, "customers", name=name).id
    assert f"/customers/{id_}/erase" not in user.get(f"/customers/{id_}").text
    assert user.get(f"/customers/{id_}/erase").status_code == 403
