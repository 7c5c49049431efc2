"""The box that finds anything, in the frame of every page."""

from tests.support.attacks import ATTACKS
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser


def test_every_page_has_the_box_and_it_keeps_what_was_typed(issuer: DeskUser) -> None:
    for path in ("/", "/licenses", "/customers", "/account", "/find"):
        assert 'action="/find"' in issuer.get(path).text
    assert 'value="&lt;x&gt;"' in issuer.get("/find", q="<x>").text


def test_page_groups_what_was_found(issuer: DeskUser, desk: Desk) -> None:
    mark = unique(desk, "grp").replace(" ", "")
    number = issuer.issue(customer=f"Kunde {mark}", product=f"p{mark}", contract=f"PO-{mark}")
    fields = {"note": f"Vertrag {mark}/77 verlängert"}
    issuer.send(issuer.get(f"/licenses/{number}").text, f"/licenses/{number}/notes#life", **fields)
    page = issuer.get("/find", q=f"{mark}/77").text
    assert f'<a href="/licenses/{number}">' in page
    assert "verlängert" in page
    page = issuer.get("/find", q=mark).text
    for there in (f"Kunde {mark}", f"p{mark}</a>", f"PO-{mark}", "/customers/"):
        assert there in page
    assert issuer.get("/find", q=number).headers["location"] == f"/licenses/{number}"
    assert "Nothing found" in issuer.get("/find", q=f"{mark} nowhere").text
    assert "Type what you know" in issuer.get("/find").text


def test_hostile_text_is_only_text(issuer: DeskUser) -> None:
    for text in ATTACKS:
        page = issuer.get("/find", q=text)
        assert page.status_code == 200, text
        assert "<script>alert" not in page.text
