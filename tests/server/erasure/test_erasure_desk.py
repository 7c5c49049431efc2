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


def test_colleague_who_left_is_erased_once_somebody_says_why(desk: Desk) -> None:
    user, gone_one = DeskUser(desk), DeskUser(desk, "issuer", "ada")
    email, made = gone_one.email, row(desk, "users", email=gone_one.email).id
    path = f"/people/{made}/erase"
    assert f'href="{path}"' in user.get(f"/people/{made}").text
    page = user.get(path)
    assert email in page.text
    assert user.send(page.text, path).status_code == 422
    done = user.send(page.text, path, reason="has left")
    assert done.headers["location"] == f"/people/{made}?done=erase"
    shown = user.get(f"/people/{made}?done=erase").text
    assert f"user #{made}, erased" in shown
    for gone in (email, path, f"/people/{made}/reopen"):
        assert gone not in shown
    assert email not in user.get("/record?limit=200").text


def test_nobody_erases_their_own_account(desk: Desk) -> None:
    user = DeskUser(desk)
    id_ = row(desk, "users", email=user.email).id
    assert f"/people/{id_}/erase" not in user.get(f"/people/{id_}").text
    path = f"/people/{id_}/erase"
    assert user.send(user.get(path).text, path, reason="bye").status_code == 403


def test_page_says_that_the_file_of_the_database_waits(desk: Desk) -> None:
    user, name = DeskUser(desk), unique(desk, "Erna")
    user.issue(customer=name)
    id_ = row(desk, "customers", name=name).id
    assert "writes the file anew" in user.get(f"/customers/{id_}?waits=1").text
