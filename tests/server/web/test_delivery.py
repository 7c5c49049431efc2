"""The letter that goes with a licence, and its mail link."""

import os
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from license_server.web import delivery
from license_server.web.letter_writing import Letter
from tests.support.desk import Desk, unique
from tests.support.issue_form import issued, post_to_api, press
from tests.support.letters import letter_about
from tests.support.pages import preview

MARK = "\u202e"


def test_letter_uses_the_customers_language_and_contact(
    signed_in: Desk,
) -> None:
    name = unique(signed_in, "上海示例")
    contact = {"contact_name": "王芳", "contact_email": "wang@example.cn", "language": "zh"}
    post_to_api(signed_in, "/customers", {"name": name, **contact})
    page = preview(signed_in, customer=name, time_zone="Asia/Shanghai").text
    shown = unescape(signed_in.client.get(press(signed_in, page).headers["location"]).text)
    assert shown.index("王芳，您好！") < shown.index("Dear 王芳,")
    assert "（时区 Asia/Shanghai）" in shown
    assert "python cmd/cli.py install license.dat" in shown
    assert 'href="mailto:wang@example.cn?subject=' in shown
    assert "customer's language is not set" not in shown


def test_letter_uses_the_readers_language_when_the_customers_is_unset(
    signed_in: Desk,
) -> None:
    page = preview(signed_in, customer=unique(signed_in, "Plain")).text
    address = press(signed_in, page).headers["location"]
    shown = signed_in.client.get(address).text
    assert shown.index("Hello,") < shown.index("您好！")
    assert "The customer's language is not set" in shown
    signed_in.client.cookies.set("hostseal_language", "zh")
    shown = signed_in.client.get(address).text
    assert shown.index("您好！") < shown.index("Hello,")


def test_letter_is_plain_text_with_control_characters_escaped(signed_in: Desk) -> None:
    license_ = issued(signed_in, preview(signed_in, term="perpetual").text)
    made = letter_about(signed_in, license_.jti, contact="A & <B>", vendor=f"V{MARK}")
    assert made.subject == f"Licence {license_.jti} for darwin on studio2_gpu"
    assert made.text.startswith("Dear A & <B>,\n\nLicence ")
    assert ").\nIt is perpetual: it does not expire.\n\nCopy" in made.text
    assert made.text.endswith("Kind regards\nV\\u202e\n")
    assert "\n\n\n" not in made.text


@pytest.mark.parametrize(
    ("profile", "said", "unsaid"),
    [
        ("hk1-cluster", "the Secret or volume from which the pods read", "install license.dat"),
        ("hk1-site", "install license.dat", "Secret"),
    ],
)
def test_letter_of_a_licence_for_many_hosts_names_none_and_says_where_it_goes(
    signed_in: Desk, profile: str, said: str, unsaid: str
) -> None:
    page = preview(signed_in, host=f'["{os.urandom(20).hex()}", "pod-7f", "{profile}"]').text
    license_ = issued(signed_in, page)
    made = letter_about(signed_in, license_.jti)
    assert said in made.text
    assert unsaid not in made.text
    assert "pod-7f" not in made.subject + made.text
    assert "\n\n\n" not in made.text
    assert "python cmd/cli.py verify\n" in made.text


def test_mail_link_contains_the_letter_and_nothing_else() -> None:
    letter = Letter("en", "A & B", "line\nline?x=1&cc=me\n")
    made = delivery.link("a?bcc=x@example.com", letter)
    assert made is not None
    parts = urlsplit(made)
    assert unquote(parts.path) == "a?bcc=x@example.com"
    said = {"subject": ["A & B"], "body": ["line\r\nline?x=1&cc=me\r\n"]}
    assert parse_qs(parts.query) == said
    long = delivery.link("a@example.com", letter._replace(text="x" * 3000))
    assert long is not None
    assert "body" not in long


@pytest.mark.parametrize("address", ["nobody", "a@", "@b", "a@b@c", "a b@c", "a@b,c", "<a@b>"])
def test_invalid_email_address_gets_no_mail_link(address: str) -> None:
    assert delivery.link(address, Letter("en", "s", "t")) is None
