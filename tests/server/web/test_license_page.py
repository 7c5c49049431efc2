"""The page of a licence: its history, its notes, and hostile text."""

import re
from html import unescape

import pytest

from tests.support.desk import Desk, trail
from tests.support.desk_user import DeskUser
from tests.support.pages import all_hidden, faults, fields_of, number_in, preview
from tests.support.server import EMAIL, LINE

MARKUP = "</li><script>alert(1)</script><b>"


def test_history_shows_replacements_with_user_and_reason(issuer: DeskUser) -> None:
    first = issuer.issue()
    second = number_in(issuer.do(first, "renew", days="60", reason="order 4711"))
    third = number_in(issuer.do(second, "change", limits="gpus=2"))
    for number in (first, second, third):
        page = issuer.get(f"/licenses/{number}").text
        told = page[page.index('<ol class="life">') : page.index("</ol>")]
        done = re.findall(r"<strong>(.*?)</strong>\s*<\w+ [^>]*>(HS-[^<]+)<", told)
        assert done == [("Changed", third), ("Renewed", second), ("Issued", first)]
        assert "order 4711" in told
        assert issuer.email in told
        assert "gpus=2" in told
    old = issuer.get(f"/licenses/{first}").text
    assert f'Replaced by <a href="/licenses/{second}">' in old
    assert f'The newest licence in this lineage is <a href="/licenses/{third}">' in old


def test_note_is_kept_in_the_history_once(issuer: DeskUser) -> None:
    first = issuer.issue()
    form = fields_of(issuer.get(f"/licenses/{first}").text)
    note = f"asked by telephone {MARKUP}"
    for _ in range(2):
        reply = issuer.post(f"/licenses/{first}/notes", **form | {"note": note})
        assert reply.status_code == 303
    assert [one[1:] for one in trail(issuer.desk, first)][1:] == [("license.noted", note)]
    shown = issuer.get(f"/licenses/{first}").text
    assert unescape(shown).count(note) == 1
    assert MARKUP not in shown
    for wrong in ("", "n" * 10_000, "a\u202eb"):
        form = fields_of(issuer.get(f"/licenses/{first}").text)
        refused = issuer.post(f"/licenses/{first}/notes", **form | {"note": wrong})
        assert (refused.status_code, set(faults(refused.text))) == (422, {"note"})
        assert fields_of(refused.text)["note"] == wrong


def test_long_history_is_paged(issuer: DeskUser) -> None:
    first = issuer.issue()
    for n in range(24):
        form = fields_of(issuer.get(f"/licenses/{first}").text)
        issuer.post(f"/licenses/{first}/notes", **form | {"note": f"note {n}."})
    page = issuer.get(f"/licenses/{first}").text
    assert ("note 23." in page, "note 4." in page, "note 3." in page) == (True, True, False)
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    rest = issuer.get(unescape(older[1]).partition("#")[0]).text
    assert ("note 4." in rest, "note 3." in rest, "Issued" in rest) == (False, True, True)


def test_hostile_text_in_a_licence_is_escaped(issuer: DeskUser) -> None:
    name = f"{MARKUP} {issuer.desk.clock.now}"
    host = f"{MARKUP} \u202egnp.exe\u202c {LINE} " + "x" * 10_000
    first = issuer.issue(customer=name, host=host)
    issuer.do(first, "suspend", reason=MARKUP)
    number = number_in(issuer.do(first, "reinstate", reason=f"{MARKUP} again"))
    pages = [
        issuer.get(f"/licenses/{number}").text,
        issuer.get("/licenses", q=MARKUP).text,
        issuer.get("/licenses", product=MARKUP, customer=MARKUP).text,
        issuer.preview(number, "renew", reason=MARKUP).text,
        issuer.preview(number, "change", limits=MARKUP, edition=MARKUP).text,
        issuer.preview(number, "rehost", host=MARKUP, reason=MARKUP, match=MARKUP).text,
        issuer.preview(number, "renew", continue_from=MARKUP, term=MARKUP).text,
    ]
    for page in pages:
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert len(page.encode("utf-8")) < 100_000
    assert "\\u202e" in pages[0]
    assert "Only the beginning is shown." in pages[0]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_licence_expiring_in_9999_is_shown_in_every_time_zone(issuer: DeskUser, zone: str) -> None:
    last = {"expires": "9999-12-30", "time_zone": "Etc/GMT+12", "days": None}
    number = issuer.issue(customer=f"Far {issuer.email}", grace_days=36500, **last)
    for path in (
        f"/licenses/{number}?issued=1",
        "/licenses",
        f"/licenses/{number}/renew",
        f"/licenses/{number}/change",
        f"/licenses/new?like={number}",
    ):
        issuer.enter()
        issuer.desk.client.cookies.set("hostseal_zone", zone)
        page = issuer.desk.client.get(path)
        assert page.status_code == 200, path
    assert 'name="expires" value="9999-12-30"' in page.text


def test_history_names_action_and_user_in_plain_words(signed_in: Desk) -> None:
    issued = signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    shown = signed_in.client.get(issued.headers["location"]).text
    assert re.search(rf"<strong>Issued</strong>.*?</time> · {re.escape(EMAIL)}", shown, re.DOTALL)
    assert "user:" not in shown
    assert "license.issued" not in shown
