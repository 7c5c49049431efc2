"""A CSV file of customers alone adds customers, and issues nothing."""

from tests.support.desk import Desk, row, trail, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import faults


def upload(user: DeskUser, text: str) -> str:
    reply = user.send(user.get("/sheets").text, "/sheets", sheet=text)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"])


def test_a_sheet_of_customers_adds_those_who_are_new(desk: Desk, admin: DeskUser) -> None:
    one, two = unique(desk, "Eins"), unique(desk, "Zwei")
    text = (
        f"customer;contact_email;language;notes\n{one};a@x.cn;zh;first\n{two};;;\n{one};b@x.cn;;\n"
    )
    place = upload(admin, text)
    assert place.startswith("/sheets/customers/")
    before = desk.count("customers"), desk.count("licenses")
    page = admin.get(place).text
    assert desk.count("customers") == before[0]
    done = admin.send(page, place)
    assert (done.status_code, done.headers["location"]) == (303, "/customers?imported=2")
    assert "2 customers added" in admin.get(done.headers["location"]).text
    added = row(desk, "customers", name=one)
    assert (added.contact_email, added.language, added.notes) == ("a@x.cn", "zh", "first")
    assert trail(desk, one) == [(f"user:{admin.email}", "customer.added", None)]
    assert desk.count("licenses") == before[1]
    # The same once more adds nobody.
    assert admin.send(page, place).headers["location"] == "/customers?imported=0"
    assert "already there" in admin.get(place).text
    assert desk.count("customers") == before[0] + 2


def test_wrong_rows_and_names_alike_must_be_agreed_to(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Alike")
    upload_first = upload(admin, f"name\n{name}\n")
    admin.send(admin.get(upload_first).text, upload_first)
    text = f"name,language\n{name.upper()},en\n{unique(desk, 'x')},klingon\n,en\n"
    place, before = upload(admin, text), desk.count("customers")
    page = admin.get(place).text
    refused = admin.send(page, place)
    assert faults(refused.text).keys() == {"alike", "skip"}
    assert desk.count("customers") == before
    assert admin.send(page, place, alike="yes", skip="yes").status_code == 303
    assert desk.count("customers") == before + 1


def test_a_sheet_says_the_name_in_one_column(desk: Desk, admin: DeskUser) -> None:
    for header in ("name,customer", "customer,notes,name"):
        shown = admin.get("/sheets").text
        reply = admin.send(shown, "/sheets", sheet=f"{header}\nAlpha,Beta\n")
        assert reply.status_code == 422
        (told,) = faults(reply.text).values()
        first, *_, second = header.split(",")
        assert f"the columns {first} and {second} are the same: leave one out" in told
    twice = admin.send(admin.get("/sheets").text, "/sheets", sheet="name,name\nA,B\n")
    assert "the column name appears twice" in twice.text


def test_an_export_of_customers_can_be_imported(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Round")
    text = f"id,name,created_at,contact_name,contact_email,language,notes\n7,{name},x,Ada,,en,\n"
    place = upload(admin, text)
    admin.send(admin.get(place).text, place)
    assert row(desk, "customers", name=name).contact_name == "Ada"


def test_a_sheet_with_a_column_of_licences_is_none_of_customers(
    desk: Desk, admin: DeskUser
) -> None:
    assert upload(admin, "customer,product\nA,b\n").startswith("/sheets/jobs/")
    reply = admin.send(admin.get("/sheets").text, "/sheets", sheet="customer,salary\nA,1\n")
    assert "'salary' is not a known column" in faults(reply.text)["sheet"]


def test_a_sheet_belongs_to_who_uploaded_it(desk: Desk, admin: DeskUser) -> None:
    place = upload(admin, f"name\n{unique(desk, 'Mine')}\n")
    assert DeskUser(desk).get(place).status_code == 404
    assert DeskUser(desk, "reader").get(place).status_code == 403


def test_owner_and_who_wants_no_reminders_are_read_from_a_sheet(
    desk: Desk, admin: DeskUser
) -> None:
    names = [unique(desk, "Owned") for _ in range(4)]
    says = [
        f"{admin.email.upper()},yes",
        ",",
        "nobody@nowhere.example,no",
        f"{admin.email},perhaps",
    ]
    lines = [f"{name},{said}" for name, said in zip(names, says, strict=True)]
    place = upload(admin, "name,owner,no_reminders\n" + "\n".join(lines) + "\n")
    page = admin.get(place).text
    assert "no user with the address nobody@nowhere.example can sign in" in page
    assert "it is neither true nor false" in page
    assert admin.send(page, place, skip="yes", alike="yes").status_code == 303
    owned, plain = (row(desk, "customers", name=name) for name in names[:2])
    assert (owned.owner, bool(owned.no_reminders)) == (admin.email, True)
    assert (plain.owner, plain.no_reminders) == (None, None)
