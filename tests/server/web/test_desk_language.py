"""The desk speaks English and Chinese: no text of a page is left without its translation."""

import re
from pathlib import Path

import jinja2
import pytest

from license_server.licenses.acts import ACTS
from license_server.permissions import PERMISSIONS, ROLES
from license_server.web import menu, pages, reader
from tests.support import catalogue
from tests.support.catalogue import translated

TEMPLATES = Path(pages.__file__).parent / "templates"
NAMES = sorted(path.name for path in TEMPLATES.iterdir())
# The attributes that are read aloud or seen.
_SPOKEN = re.compile(r"(?:placeholder|title|aria-label|alt)=\"([^\"{]*[A-Za-z]{2}[^\"{]*)\"")
_MARKUP = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
_NOT_WORDS = re.compile(
    r"<(code|title)[^>]*>[^<]*</\1>|<[^>]*>|[a-z-]+=\"[^\"]*\"|&[a-z]+;|\b(?:wrong|required|selected|checked|autofocus|open)\b"
)


@pytest.mark.parametrize("name", NAMES)
def test_every_text_of_a_template_is_in_the_catalogue(name: str) -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], trim_blocks=True)
    environment.policies["ext.i18n.trimmed"] = True
    source = (TEMPLATES / name).read_text("utf-8")
    said = set()
    for _, _, message in environment.extract_translations(source):  # type: ignore[attr-defined]
        said.add(message[0] if isinstance(message, tuple) else message)
    assert not {text for text in said if text} - translated()


@pytest.mark.parametrize("name", NAMES)
def test_no_text_of_a_template_goes_round_the_catalogue(name: str) -> None:
    source = (TEMPLATES / name).read_text("utf-8")
    source = re.sub(r"{% trans.*?{% endtrans %}", "", source, flags=re.DOTALL)
    plain = _MARKUP.sub("", source)
    assert _SPOKEN.findall(plain) == []
    assert re.findall(r"[A-Za-z]{2}.*", _NOT_WORDS.sub("", plain)) == []


def test_the_rooms_of_the_menu_are_translated() -> None:
    assert not {room.label for room in menu.ROOMS} - translated()


def test_what_permissions_allow_and_roles_are_called_is_translated() -> None:
    assert not {*PERMISSIONS.values(), *ROLES} - translated()


def test_what_acts_are_called_and_said_at_their_forms_is_translated() -> None:
    said: set[str] = set()
    for act in ACTS.values():
        words = act.words
        said |= {words.verb, words.done, words.event, words.button, words.heading, words.counted}
        said |= set(act.form or ())
    assert not said - {""} - translated()


def test_the_compiled_catalogue_is_the_written_one() -> None:
    written = catalogue.compiled(catalogue.read_desk("zh"))
    assert (catalogue.DESK / "zh.mo").read_bytes() == written


def test_what_the_client_says_is_known_here_too() -> None:
    assert reader.catalogue("zh").gettext("unknown") != "unknown"
