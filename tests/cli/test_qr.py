"""``--qr``: what a camera reads off the terminal is what is printed without it."""

import re
from urllib.parse import unquote

import pytest

from license_core import received
from tests.support import hosts, qr_reader, terminal
from tests.support.cli import World, code, started

ASCII = {"LC_ALL": "C.GBK"}


def line_of(world: World, *words: str) -> list[str]:
    return [*started(words[0]), *world.options(), *words]


def read_on(world: World, columns: int, rows: int, *words: str) -> tuple[str, str, str]:
    """What a camera reads on a terminal of that size, the picture, and what is said beside it."""
    picture, beside = terminal.shown(line_of(world, *words), columns, rows)
    is_inverse = "--inverse" in words
    (text,) = qr_reader.read(qr_reader.of_terminal(picture, is_inverse=is_inverse))
    return text, picture, beside


@pytest.mark.parametrize("more", [(), ("--inverse",), ("--check",)])
def test_code_of_the_host_key_line_fits_80_columns_and_24_lines(
    world: World, more: tuple[str, ...]
) -> None:
    text, picture, _ = read_on(world, 80, 24, "get_host_key", "--qr", *more)
    assert text == world.run("get_host_key", *(set(more) - {"--inverse"})).out.strip()
    lines = picture.splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80


def test_code_of_a_long_hostname_fits_with_a_smaller_margin(world: World) -> None:
    hosts.container(world.host, hostname="studio2-gpu-" + "0123456789" * 4)
    text, picture, _ = read_on(world, 80, 24, "get_host_key", "--qr", "--check")
    assert text == world.run("get_host_key", "--check").out.strip()
    assert len(picture.splitlines()) < 24


def test_code_in_a_pipe_is_as_large_as_need_be(world: World) -> None:
    for words in (("get_host_key",), ("request", "--customer", "ACME")):
        shown = world.run(*words, "--qr").out
        (text,) = qr_reader.read(qr_reader.of_terminal(shown))
        assert received.parse(text) == received.parse(world.run(*words).out)


def test_request_that_is_too_large_for_a_terminal_is_its_line_and_says_so(world: World) -> None:
    text, picture, beside = read_on(world, 80, 24, "request", "--qr")
    assert text == world.run("get_host_key").out.strip()
    assert len(picture.splitlines()) < 24
    assert re.search("All of it takes [0-9]+ columns and [0-9]+ lines", beside)
    whole, _, beside = read_on(world, 120, 60, "request", "--qr")
    assert received.parse(whole).tags is not None
    assert "All of it takes" not in beside


def test_code_with_an_address_opens_the_form_with_the_line_behind_its_hash(world: World) -> None:
    line = world.run("get_host_key").out.strip()
    for url, form in (
        ("https://desk.example.com", "https://desk.example.com/licenses/new"),
        ("https://desk.example.com/ask?a=b", "https://desk.example.com/ask?a=b"),
    ):
        text, _, _ = read_on(world, 80, 24, "get_host_key", "--qr", "--to", url)
        address, _, fragment = text.partition("#host=")
        assert (address, unquote(fragment)) == (form, line)
    for wrong in ("desk.example.com", "ftp://desk.example.com", "https://a b", "https://x/#y"):
        refused = world.run("get_host_key", "--qr", "--to", wrong)
        assert refused.exit_code == code("usage")
        assert "is no address such as https://desk.example.com" in refused.err


def test_terminal_without_utf_8_shows_cells_of_two_columns(world: World) -> None:
    line = line_of(world, "get_host_key", "--qr")
    shown, _ = terminal.shown(line, 100, 60, ASCII)
    assert shown.isascii()
    halved = re.sub("\x1b\\[7m( *)\x1b\\[0m", lambda lit: "\u2588" * len(lit[1]), shown)
    rows = [
        "".join("01"[sign == " "] for sign in row.ljust(200)[::2]) for row in halved.splitlines()
    ]
    side = len(rows)
    (text,) = qr_reader.read(qr_reader.picture([row[:side] for row in rows], margin=0))
    assert text == world.run("get_host_key").out.strip()


def test_terminal_that_is_too_low_or_too_narrow_says_what_it_takes(world: World) -> None:
    line = world.run("get_host_key").out.strip()
    command = line_of(world, "get_host_key", "--qr")
    shown, beside = terminal.shown(command, 80, 10)
    assert qr_reader.read(qr_reader.of_terminal(shown)) == [line]
    assert re.search("The QR code takes [0-9]+ lines, and this terminal has 10", beside)
    shown, beside = terminal.shown(command, 30, 24)
    assert shown.strip() == line
    assert "A QR code takes 37 columns here, and this terminal has 30" in beside


def test_what_warns_of_the_host_stands_above_the_code(world: World) -> None:
    line = ["sh", "-c", 'exec "$@" 2>&1', "sh", *line_of(world, "get_host_key", "--qr")]
    shown, _ = terminal.shown(line, 80, 24)
    assert "[W]" in shown.splitlines()[0]
    assert set(shown.splitlines()[-1]) <= set("\u2580\u2588")
