"""conf/hostseal.toml: what is accepted, and a fast parser that agrees with tomllib."""

import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from license_core import requirements, tomlfile
from license_core import settings as product_settings
from license_core.settings import Settings


def parse(text: str, encoding: str = "utf-8") -> Settings:
    return product_settings.parse(text.encode(encoding), "hostseal.toml")


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse("") == parse("# nothing\n") == Settings(path="hostseal.toml")


def test_every_setting_is_parsed() -> None:
    found = parse('product = "darwin" # ours\nwarn_days = 7\nreleased = 2026-11-30\n')
    assert (found.product, found.warn_days, found.released_at) == ("darwin", 7, 1_795_996_800)


@pytest.mark.parametrize(
    "text",
    [
        "product = darwin",
        "product = ''",
        "product = 1",
        'produkt = "darwin"',
        'product = "a"\nproduct = "b"',
        "warn_days = -1",
        "warn_days = 3651",
        "warn_days = 1.0",
        "warn_days = true",
        "warn_days = 030",
        'released = "2026-11-30"',
        "released = 2026-11-30T00:00:00",
        "released = 2026-02-30",
        "[product]\nname = 1",
        'product = "a" x',
        'product = "a\nb"',
        "\ufffd",
        "=",
        "product",
        "roots_needed = 0",
        "roots_needed = 0x" + "F" * 5000,
    ],
)
def test_malformed_settings_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)


def test_many_unknown_settings_make_a_short_sentence() -> None:
    text = "".join(f"{chr(97 + number % 26) * 300}{number} = 1\n" for number in range(200))
    with pytest.raises(ValueError, match="unknown setting: a") as refused:
        parse(text)
    assert len(str(refused.value)) < 160


@pytest.mark.parametrize("text", ["", 'product = "darwin"', 'product = "darwin"\nwarn_days = 0x7'])
def test_a_byte_order_mark_before_settings_is_passed_over(text: str) -> None:
    assert parse(text, "utf-8-sig") == parse(text)
    assert requirements.parse("cpus = 3".encode("utf-8-sig")).cpus == 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_settings_in_utf_16_are_named_for_what_they_are(encoding: str) -> None:
    with pytest.raises(ValueError, match="it is UTF-16; save it as UTF-8"):
        parse('product = "darwin"', encoding)
    with pytest.raises(ValueError, match="it is UTF-16; save it as UTF-8"):
        requirements.parse("cpus = 1".encode(encoding))


@pytest.mark.parametrize(
    "text",
    [
        ".".join("a" * 30_000) + " = 1",
        "[" + " . ".join("a" * 9) + "]",
        "x = {a.b.c.d.e.f.g.h.i = 1}",
        'x = """\n""", y = 1\n"a".\'b\'.c.d.e.f.g.h.i = 1',
        'x = """\n#""" #"""\n' + "a." * 8 + "a = 1",
        "x = " + "[" * 9 + "]" * 9,
        "x = [\n" + "{a = " * 8,
    ],
)
def test_settings_that_nest_too_deep_are_refused_before_they_are_parsed(text: str) -> None:
    with pytest.raises(ValueError, match="nested deeper than 8 levels"):
        parse(text)


TOML = [*"=\n\n#.[]{},", '"', "'", '"""', "\'\'\'", "a", "a.b", "1", "1.5", "\\", " = 1\n", "x = ",
        '"."', "'.'", "#....."]  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(TOML), max_size=12).map("".join))
@example("x = '........." + "'\n# " + "." * 99)
@example('a.b.c.d.e.f.g.h = """....\n..........\\""" """')
def test_what_does_not_nest_is_read_as_tomllib_reads_it(text: str) -> None:
    def reads(read: Callable[..., object], text: str | bytes) -> object:
        try:
            return read(text)
        except ValueError as error:
            return "nested" in str(error)

    found = reads(tomlfile.loads, text.encode())
    if found is True:
        assert sum(map(text.count, ".[{")) >= tomlfile.MAX_DEPTH
    else:
        assert found == reads(tomllib.loads, text)


def plainly(text: str) -> dict[str, Any] | None:
    return product_settings._plain(text.encode("utf-8", "replace"))


PIECES = ["product", "warn_days", "=", " ", "\t", '"', "darwin", "\n", "#", "0", "30", "\\", "'",
          "\r", "[", ".", "released", "2026-11-30", '"""', "é", "_", "-", "+", "\0"]  # fmt: skip


@settings(max_examples=2000, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example('product = "darwin"   # a comment\nwarn_days = 30\n')
@example('product = """a"""')
@example('product = "a" # "b"')
def test_fast_parser_agrees_with_tomllib_or_declines(text: str) -> None:
    quick = plainly(text)
    if quick is not None:
        assert quick == tomllib.loads(text)


def test_fast_parser_reads_a_typical_file() -> None:
    usual = '# The product.\nproduct = "darwin"   # a name\nwarn_days = 30\n\n'
    assert plainly(usual) == {"product": "darwin", "warn_days": 30}
