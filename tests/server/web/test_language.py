"""The desk in English and Chinese: every text is translated."""

import re
from html import unescape
from pathlib import Path

import jinja2
import pytest

from license_server.licenses.acts import ACTS
from license_server.permissions import PERMISSIONS, ROLES
from license_server.web import menu, pages, reader
from tests.support import catalogue
from tests.support.catalogue import translated
from tests.support.desk import Desk
from tests.support.issue_form import issued, new_product, token_of
from tests.support.pages import FORM, WHOLE, new_host_text, preview

TEMPLATES = Path(pages.__file__).parent / "templates"
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
# The attributes that are read aloud or seen.
_SPOKEN = re.compile(r"(?:placeholder|title|aria-label|alt)=\"([^\"{]*[A-Za-z]{2}[^\"{]*)\"")
_MARKUP = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
_NOT_WORDS = re.compile(
    r"<(code|title)[^>]*>[^<]*</\1>|<[^>]*>|[a-z-]+=\"[^\"]*\"|&[a-z]+;|\b(?:wrong|required|selected|checked|autofocus|open)\b"
)


@pytest.mark.parametrize("name", NAMES)
def test_every_template_text_is_in_the_catalogue(name: str) -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], trim_blocks=True)
    environment.policies["ext.i18n.trimmed"] = True
    source = (TEMPLATES / name).read_text("utf-8")
    said = set()
    for _, _, message in environment.extract_translations(source):  # type: ignore[attr-defined]
        said.add(message[0] if isinstance(message, tuple) else message)
    assert not {text for text in said if text} - translated()


@pytest.mark.parametrize("name", NAMES)
def test_no_template_text_bypasses_the_catalogue(name: str) -> None:
    source = (TEMPLATES / name).read_text("utf-8")
    source = re.sub(r"{% trans.*?{% endtrans %}", "", source, flags=re.DOTALL)
    plain = _MARKUP.sub("", source)
    assert _SPOKEN.findall(plain) == []
    assert re.findall(r"[A-Za-z]{2}.*", _NOT_WORDS.sub("", plain)) == []


def test_menu_labels_are_translated() -> None:
    assert not {room.label for room in menu.ROOMS} - translated()


def test_permissions_and_roles_are_translated() -> None:
    assert not {*PERMISSIONS.values(), *ROLES} - translated()


def test_action_names_and_form_texts_are_translated() -> None:
    said: set[str] = set()
    for act in ACTS.values():
        words = act.words
        said |= {words.verb, words.done, words.event, words.button, words.heading, words.counted}
        said |= set(act.form or ())
    assert not said - {""} - translated()


def test_compiled_catalogue_is_up_to_date() -> None:
    written = catalogue.compiled(catalogue.read_desk("zh"))
    assert (catalogue.DESK / "zh.mo").read_bytes() == written


def test_client_translations_are_available_at_the_desk() -> None:
    assert reader.catalogue("zh").gettext("unknown") != "unknown"


def test_desk_pages_are_fully_chinese(signed_in: Desk) -> None:
    signed_in.client.cookies.set("hostseal_language", "zh")
    product = new_product(signed_in)
    shown = preview(signed_in, host=new_host_text(*WHOLE), match="anchored", product=product).text
    for word in ("待签发的许可证", "主机名", "有效，但有警告", "失效", "有标记", "签发许可证"):
        assert word in shown
    english = re.sub(r"<[^>]*>", " ", shown.partition("<main")[2])
    assert not re.findall(r"\b(?:the|this|holds|does|says|licence|host)\b", english)
    typed = {"limits": "gpus", "reason": "x" * 1001, "days": "many"}
    form = signed_in.client.post("/licenses/preview", data=FORM | typed | token_of(signed_in)).text
    assert "未签发许可证" in form
    number = issued(signed_in, shown).jti
    pages = [form, shown]
    pages += [
        signed_in.client.get(path).text
        for path in ("/", "/licenses", f"/licenses/{number}?send=1", "/customers", "/sheets")
    ]
    for page in pages:
        main = re.sub(r"<pre.*?</pre>", "", page.partition("<main")[2], flags=re.DOTALL)
        told = unescape(re.sub(r"<[^>]*>", "", main))
        assert not re.findall(r".*[\u4e00-\u9fff][.,;:?!](?!\w).*", told)
