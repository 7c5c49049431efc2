"""A product's commands and letters at the desk, and where they are used."""

import re
from html import unescape
from typing import Any

import pytest

from license_server.catalog.client_commands import DEFAULT
from license_server.catalog.letter_texts import DEFAULTS, KINDS, WITH_LICENCES, places_of
from license_server.licenses import host_changes
from license_server.licenses.host_changes import HostChange
from license_server.web import letter_writing, letters, reader
from tests.support.catalogue import translated
from tests.support.desk import Desk, last_event, row, unique
from tests.support.desk_forms import add_product
from tests.support.desk_user import DeskUser
from tests.support.letters import letter_about
from tests.support.pages import faults, form
from tests.support.server import LINE

OWN = {"client": "./owl-licence", "environment": "-", "start": "owlctl start", "file": "/o/l.dat"}
TEXT = (
    "{product}: {number}\n{greeting}\n\nRun:\n\n  {commands}\n\nUntil {last_day}.\nPO {contract}\n"
)


@pytest.fixture
def path(desk: Desk, admin: DeskUser) -> str:
    return add_product(admin, unique(desk, "owl"))


def name_of(desk: Desk, path: str) -> str:
    return str(row(desk, "products", id=int(path.rpartition("/")[2])).name)


def save(admin: DeskUser, path: str, kind: str, step: str = "save", **texts: str) -> Any:
    page = f"{path}/letters/{kind}"
    return admin.send(admin.get(page).text, page, step=step, **texts)


def test_commands_are_saved_shown_and_in_the_audit_log(
    desk: Desk, admin: DeskUser, path: str
) -> None:
    page = f"{path}/letters"
    assert 'placeholder="python cmd/cli.py verify"' in admin.get(page).text
    assert admin.send(admin.get(page).text, page, **OWN).status_code == 303
    shown = admin.get(page).text
    assert {name: form(shown, page)[name] for name in OWN} == OWN
    assert 'placeholder="./owl-licence verify"' in shown
    _, action, details = last_event(desk, name_of(desk, path))
    assert action == "product.changed"
    assert details["changed"] == {f"commands.{name}": [None, text] for name, text in OWN.items()}
    assert admin.send(shown, page, **dict.fromkeys(OWN, "")).status_code == 303
    assert row(desk, "products", name=name_of(desk, path)).commands is None


def test_wrong_commands_are_marked_and_kept(admin: DeskUser, path: str) -> None:
    page = f"{path}/letters"
    reply = admin.send(admin.get(page).text, page, client="-", start="a`b", verify="owl verify")
    assert (reply.status_code, set(faults(reply.text))) == (422, {"client", "start"})
    assert form(reply.text, page)["verify"] == "owl verify"


def test_letter_names_the_commands_of_its_product(desk: Desk, admin: DeskUser, path: str) -> None:
    page = f"{path}/letters"
    admin.send(admin.get(page).text, page, **OWN)
    number = admin.issue(product=name_of(desk, path))
    text = letter_about(desk, number).text
    assert (
        "    ./owl-licence install license.dat\n    ./owl-licence verify\n    owlctl start\n"
        in text
    )
    assert "\ninstall checks the file" in text
    assert "“owlctl start” starts it. If" in text
    assert "    ./owl-licence verify --explain\n" in text
    assert not re.search("platform_env|cmd/cli|start.sh|conf/", text)
    sent = unescape(admin.get(f"/licenses/{number}", send="1").text)
    assert "ask for the output of ./owl-licence verify --explain." in sent
    assert "owlctl start" in letter_about(desk, number, "zh").text


def test_move_hints_and_diagnosis_name_the_commands_of_the_product(
    desk: Desk, admin: DeskUser, path: str
) -> None:
    page = f"{path}/letters"
    admin.send(admin.get(page).text, page, **OWN)
    number = admin.issue(product=name_of(desk, path))
    other = LINE.replace("5591", "6602").replace("studio2", "studio9")
    moved = admin.preview(number, "rehost", host=other, reason="x").text
    assert "Ask the operator to delete /o/l.dat on the former host" in moved
    refused = admin.preview(number, "rehost", host=other, match="anchored", reason="x").text
    assert "Ask the operator for the output of <code>./owl-licence request</code>" in refused
    why = admin.send(admin.get("/why").text, "/why", text=f"{number} {LINE}").text
    assert "ask for the output of <code>./owl-licence verify --explain</code>" in why
    assert "cmd/cli.py" not in moved + refused + why


def test_letter_of_its_own_is_saved_used_reset_and_in_the_audit_log(
    desk: Desk, admin: DeskUser, path: str
) -> None:
    assert save(admin, path, "issued", en=TEXT).status_code == 303
    name = name_of(desk, path)
    _, action, details = last_event(desk, name)
    assert (action, details["changed"]) == ("product.changed", {"letters.issued.en": [None, TEXT]})
    made = letter_about(desk, number := admin.issue(product=name, contract="PO-7"))
    assert made.subject == f"{name}: {number}"
    assert re.search(r"\n  sh start.sh\n\nUntil 20..-..-.. \(UTC\)\.\nPO PO-7\n$", made.text)
    endless = admin.issue(product=name, perpetual=True, days=None)
    assert letter_about(desk, endless).text.endswith("sh start.sh\n")  # neither day nor order
    assert "附件 license.dat" in letter_about(desk, number, "zh").text
    listed = admin.get(f"{path}/letters").text
    assert listed.count("own text") == 1
    assert "Letter: A first licence (English)" in admin.get("/record", subject=name).text
    assert save(admin, path, "issued", "reset-en").status_code == 303
    assert row(desk, "products", name=name).letters is None
    assert last_event(desk, name)[2]["changed"] == {"letters.issued.en": [TEXT, None]}


def test_renewal_and_move_have_letters_of_their_own(desk: Desk, admin: DeskUser, path: str) -> None:
    for kind in WITH_LICENCES:
        assert save(admin, path, kind, en=f"{kind}\nX").status_code == 303
    first = admin.issue(product=name_of(desk, path))
    second = admin.do(first, "renew", days="90").headers["location"].split("/")[2][:16]
    other = LINE.replace("5591", "6602")
    third = admin.do(second, "rehost", host=other, reason="x").headers["location"].split("/")[2]
    fourth = admin.do(third[:16], "change", edition="pro").headers["location"].split("/")[2]
    numbers = (first, second, third[:16], fourth[:16])
    assert [letter_about(desk, number).subject for number in numbers] == list(WITH_LICENCES)


def test_preview_shows_both_languages_and_saves_nothing(
    desk: Desk, admin: DeskUser, path: str
) -> None:
    shown = save(admin, path, "moved", "preview", en=TEXT).text
    preview = unescape(shown.partition('id="preview"')[2])
    assert "Dear Li Wei," in preview
    assert "如果许可证被拒绝" in preview
    assert "gpu-box-6" in preview
    assert form(shown, f"{path}/letters/moved")["en"] == TEXT
    assert row(desk, "products", name=name_of(desk, path)).letters is None
    number = admin.issue(product=name_of(desk, path))
    shown = save(admin, path, "issued", "preview", en=TEXT, number=number[-8:]).text
    assert f"With licence {number}." in shown
    other = admin.issue(product=unique(desk, "other"))
    shown = save(admin, path, "issued", "preview", en=TEXT, number=other)
    assert set(faults(shown.text)) == {"number"}
    assert "With a made-up licence." in shown.text


def test_unknown_place_is_marked_with_its_line_and_the_text_is_kept(
    desk: Desk, admin: DeskUser, path: str
) -> None:
    for step in ("save", "preview"):
        reply = save(admin, path, "issued", step, en="S\n{who}", zh="主题\n{number}")
        assert reply.status_code == 422
        (told,) = faults(reply.text).items()
        assert told[0] == "en"
        assert told[1].startswith("line 2: there is no place {who}; there are: {heading}")
        assert form(reply.text, f"{path}/letters/issued")["en"] == "S\n{who}"
    desk.client.cookies.set("hostseal_language", "zh")
    assert "第 2 行：没有占位符 {who}" in save(admin, path, "issued", en="S\n{who}").text


def test_letters_changed_by_somebody_else_meanwhile_are_told(
    desk: Desk, admin: DeskUser, path: str
) -> None:
    page = f"{path}/letters/issued"
    seen = admin.get(page).text
    assert save(admin, path, "issued", en="First\nX").status_code == 303
    collided = admin.send(seen, page, step="save", en="Second\nX")
    assert (collided.status_code, set(faults(collided.text))) == (412, {"en"})
    assert admin.send(collided.text, page, step="save").status_code == 303
    assert "Second" in row(desk, "products", name=name_of(desk, path)).letters


def test_reader_sees_commands_and_letters_and_cannot_change_them(desk: Desk, path: str) -> None:
    reader_ = DeskUser(desk, "reader")
    for page in (f"{path}/letters", f"{path}/letters/issued"):
        shown = reader_.get(page)
        assert (shown.status_code, f'action="{page}' in shown.text) == (200, False)
        assert reader_.post(page, en="x").status_code == 403
    assert "Dear Li Wei," in reader_.get(f"{path}/letters/issued").text
    assert reader_.get(f"{path}/letters/sold").status_code == 404


def test_hints_without_a_product_name_the_commands_that_all_products_have(
    desk: Desk, admin: DeskUser, path: str
) -> None:
    page = f"{path}/letters"
    admin.send(admin.get(page).text, page, **OWN)
    add_product(admin, unique(desk, "another"))
    assert "python cmd/cli.py verify --json" in unescape(
        admin.send(admin.get("/why").text, "/why", text="HS-2026-AAAAAAAA").text
    )


def test_default_letters_are_wholly_chinese_in_chinese() -> None:
    about = letters.MADE_UP._replace(product="owl", left="old-1")
    for profile in ("hk1", "hk1-cluster", "hk1-site"):
        for place in host_changes.PLACES:
            change = HostChange(("ip",), (), (), place, None)
            one = about._replace(profile=profile, change=change, replaced="HS-2026-AAAAAAAA")
            made = letter_writing.write("zh", DEFAULTS["zh"], one, "V", DEFAULT)
            assert not re.findall(
                r"\b(the|it|is|for|please)\b", made.subject + made.text, re.IGNORECASE
            )
            assert "\n\n\n" not in made.text
    assert reader.catalogue("zh").gettext("Hello,") == "您好！"


def test_descriptions_of_places_and_kinds_are_translated() -> None:
    told = {told for kind in KINDS for told in places_of(kind).values()}
    assert not {*told, *KINDS.values()} - translated()
