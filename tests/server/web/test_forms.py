"""Forms are accepted only from this site and session, and secrets stay out of links."""

import pytest

from tests.support.desk import Desk
from tests.support.pages import (
    FORM,
    all_hidden,
    hidden,
    preview,
    sign_in,
)
from tests.support.server import EMAIL, PASSWORD


def test_form_token_of_another_session_is_rejected(signed_in: Desk) -> None:
    before = signed_in.count("licenses")
    fields = all_hidden(preview(signed_in).text)
    for token in ("", "x", fields["form_token"][:-2] + "AA"):
        wrong = fields | {"form_token": token, "typed_by": ""}
        assert signed_in.client.post("/licenses", data=wrong).status_code == 403
    assert sign_in(signed_in).status_code == 303
    led = signed_in.client.post("/licenses", data=fields)  # by the same person: it waits for them
    assert led.headers["location"].startswith("/licenses/preview/")
    assert signed_in.count("licenses") == before


@pytest.mark.parametrize("path", ["/licenses", "/licenses/preview", "/logout"])
def test_every_form_requires_its_token(signed_in: Desk, path: str) -> None:
    assert signed_in.client.post(path, data=FORM).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_same_origin_form_is_accepted(signed_in: Desk, site: str) -> None:
    fields = all_hidden(preview(signed_in).text)
    reply = signed_in.client.post("/licenses", data=fields, headers={"Sec-Fetch-Site": site})
    assert reply.status_code == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
def test_cross_site_forms_and_preferences_are_rejected(signed_in: Desk, site: str) -> None:
    before, sent = signed_in.count("licenses"), {"Sec-Fetch-Site": site}
    client = signed_in.client
    fields = all_hidden(preview(signed_in).text)
    assert client.post("/licenses", data=fields, headers=sent).status_code == 403
    token = {"form_token": hidden(client.get("/login").text, "form_token")}
    form = token | {"email": EMAIL, "password": PASSWORD}
    assert client.post("/login", data=form, headers=sent).status_code == 403
    assert signed_in.count("licenses") == before
    chosen = client.get("/preferences?language=zh&back=/keys", headers=sent)
    assert (chosen.headers["location"], "set-cookie" in chosen.headers) == ("/keys", False)


def test_secret_in_a_url_is_in_no_link_of_its_page(desk: Desk) -> None:
    for path in (
        "/invitation?secret=sesame",
        "/login/openid/return?code=sesame&state=sesame",
        "/login?token=sesame",
    ):
        page = desk.client.get(path).text
        assert "/preferences?" in page
        assert "sesame" not in page


def test_body_that_is_not_a_form_is_rejected(signed_in: Desk) -> None:
    kinds = ("application/json", "multipart/form-data; boundary=x", "")
    for kind in kinds:
        reply = signed_in.client.post(
            "/licenses/preview", content=b"x=%ff&x=1", headers={"content-type": kind}
        )
        assert reply.status_code == 422
