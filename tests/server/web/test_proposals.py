"""Proposals at the desk: submitted, approved, refused, withdrawn."""

import re
from html import unescape

import pytest

from tests.support.desk import stored, trail
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, fields_of, number_in
from tests.support.server import LINE

MARKUP = "</li><script>alert(1)</script><b>"


def propose(person: DeskUser, guarded: str) -> str:
    """Propose a renewal at the desk; the address of the proposal."""
    approver = DeskUser(person.desk, "approver", "first")
    order = {"customer": "ACME", "product": guarded, "days": 30, "host": LINE}
    post = person.desk.client.post
    proposed = post("/api/v1/licenses", json=order, headers=person.desk.bearer).json()["id"]
    form = fields_of(approver.get(f"/proposals/{proposed}").text)
    first = number_in(approver.post(f"/proposals/{proposed}/approve", **form))
    assert "becomes a proposal" in person.get(f"/licenses/{first}/renew").text
    page = person.preview(first, "renew", days="9", reason="they wait")
    assert "Submit proposal" in page.text
    sent = fields_of(page.text) | {"step": "do"}
    made = person.post(f"/licenses/{first}/renew", **sent)
    again = person.post(f"/licenses/{first}/renew", **sent)
    assert made.status_code == 303
    assert made.headers["location"] == again.headers["location"]
    assert stored(person.desk, first).state == "active"
    return str(made.headers["location"]).partition("?")[0]


def test_proposer_sees_next_steps_and_approver_the_same_warnings(
    issuer: DeskUser, guarded: str
) -> None:
    form = issuer.get("/licenses/new").text
    order = {"customer": f"New {MARKUP}", "product": guarded, "host": LINE, "reason": "order  77"}
    reply = issuer.post("/licenses/preview", **fields_of(form) | order)
    page = issuer.followed(reply).text
    warned = (
        "This is the first licence for",
        "What was sent carries no host tags",
        "If the host changes later",
    )
    for said in (*warned, "Reason: order 77"):
        assert said in page, said
    sent = issuer.post("/licenses", **fields_of(page))
    here = sent.headers["location"]
    told = issuer.get(here).text
    assert f"http://testserver{here.partition('?')[0]}</pre>" in told
    assert "Next steps:" in told
    approver = DeskUser(issuer.desk, "approver")
    seen = approver.get(here).text
    for said in (*warned, "order 77", "Existing licences"):
        assert said in seen, said
    number = number_in(approver.post(f"{here.partition('?')[0]}/approve", **fields_of(seen)))
    assert trail(issuer.desk, number) == [(f"user:{issuer.email}", "license.issued", "order 77")]
    for person in (approver, issuer):
        assert f'href="/licenses/{number}?send=1"' in person.get(here).text


def test_overlong_reason_is_marked_at_its_field(issuer: DeskUser) -> None:
    form = fields_of(issuer.get("/licenses/new").text)
    typed = {"customer": "ACME", "product": "darwin", "host": LINE, "reason": "x" * 1001}
    refused = issuer.post("/licenses/preview", **form | typed)
    assert refused.status_code == 422
    assert faults(refused.text).keys() == {"reason"}


def test_only_a_second_person_can_approve_a_proposal(issuer: DeskUser, guarded: str) -> None:
    both = DeskUser(issuer.desk, "administrator", "both")
    here = propose(both, guarded)
    own = both.get(here).text
    assert "someone else must approve it" in own
    assert "/approve" not in own
    form = fields_of(own)
    refused = both.post(f"{here}/approve", **form)
    assert refused.status_code == 403
    assert "someone else must" in refused.text
    approver = DeskUser(issuer.desk, "approver")
    page = approver.get(here).text
    for said in (both.email, "they wait", "Field", "Expires"):
        assert said in page
    sent = fields_of(page) | {"reason": "checked with sales"}
    number = number_in(approver.post(f"{here}/approve", **sent))
    assert number == number_in(approver.post(f"{here}/approve", **sent))  # a second click
    id_ = here.rpartition("/")[2]
    assert trail(issuer.desk, number)[0][:2] == (f"user:{both.email}", "license.renewed")
    assert trail(issuer.desk, f"proposal/{id_}")[-1] == (
        f"user:{approver.email}",
        "proposal.approved",
        "checked with sales",
    )
    after = approver.get(here).text
    assert number in after
    assert "checked with sales" in after
    assert f'href="{here}"' in approver.get(f"/licenses/{number}").text
    assert f'href="{here}"' in approver.get("/proposals", state="approved").text
    assert f'href="{here}"' not in approver.get("/proposals").text


def test_refusing_or_withdrawing_a_proposal_requires_a_reason(
    issuer: DeskUser, guarded: str
) -> None:
    approver = DeskUser(issuer.desk, "approver")
    for person, mark in ((approver, "refused"), (issuer, "withdrawn")):
        here = propose(issuer, guarded)
        assert f'href="{here}"' in issuer.get("/proposals").text
        form = fields_of(person.get(here).text)
        silent = person.post(f"{here}/refuse", **form)
        assert (silent.status_code, set(faults(silent.text))) == (422, {"reason"})
        said = f"no {MARKUP}"
        done = person.post(f"{here}/refuse", **fields_of(silent.text) | {"reason": said})
        assert (done.status_code, done.headers["location"]) == (303, here)
        page = person.get(here).text
        assert mark in page
        assert said in unescape(page)
        assert MARKUP not in page
        late = approver.post(f"{here}/approve", once="late", reason="")
        assert late.status_code == 409
        assert "already been decided" in late.text


def test_reader_sees_a_proposal_without_buttons(issuer: DeskUser, guarded: str) -> None:
    here = propose(issuer, guarded)
    reader = DeskUser(issuer.desk, "reader")
    page = reader.get(here).text
    assert "Your role can only view it." in page
    assert "/refuse" not in page
    assert reader.post(f"{here}/approve", once="x").status_code == 403
    assert reader.post(f"{here}/refuse", once="x", reason="x").status_code == 403


def test_outdated_proposal_says_why_it_cannot_be_approved(issuer: DeskUser, guarded: str) -> None:
    here = propose(issuer, guarded)
    first = re.findall(r'href="/licenses/(HS-[^"]+)"', issuer.get(here).text)[0]
    issuer.do(first, "revoke", reason="x")
    approver = DeskUser(issuer.desk, "approver")
    page = approver.get(here).text
    assert "was revoked" in page
    assert "/approve" not in page
    late = approver.post(f"{here}/approve", **fields_of(page))
    assert late.status_code == 409
    assert 'value="refused"' not in late.text


@pytest.mark.parametrize("id_", ["0", "999999999", "x", "9" * 30, "-1"])
def test_unknown_proposal_gets_404(issuer: DeskUser, id_: str) -> None:
    assert issuer.get(f"/proposals/{id_}").status_code == 404
