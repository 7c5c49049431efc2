"""Mails that are to do harm: read in bounded time and memory, and nothing but text comes out."""

import base64
import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from random import Random

import pytest

from license_server.mail import incoming, limits
from license_server.mail.incoming import IncomingMail, Own
from tests.support import mails, tnef

KEY = "55917890141cb1c89accc5e53a929acb1867c42c"
LINE = f'["{KEY}", "studio2_gpu"]'
MIB = 1024 * 1024
MOST = 160 * MIB
"""What reading one mail may take beside the mail."""
HEAD = b"From: wang@customer.example\r\nSubject: x\r\n"


def plain(text: str = LINE) -> bytes:
    return b"Content-Type: text/plain\r\n\r\n" + text.encode()


def page(html: str) -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + html.encode()


def nested_parts() -> bytes:
    content = plain()
    for n in range(2000):
        content = mails.header(f"Content-Type: multipart/mixed; boundary=b{n}") + (
            f"\r\n--b{n}\r\n".encode() + content + f"\r\n--b{n}--\r\n".encode()
        )
    return HEAD + content


def nested_mails() -> bytes:
    content = HEAD + plain()
    for _ in range(3000):
        content = HEAD + b"Content-Type: message/rfc822\r\n\r\n" + content
    return content


def encoded_mails() -> bytes:
    content = HEAD + plain()
    for _ in range(16):
        content = HEAD + (
            b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(content)
        )
    return content


def many_parts() -> bytes:
    return HEAD + mails.multipart("mixed", "b", *[plain("x")] * 10_000, plain())


def many_parts_with_long_fields() -> bytes:
    long = b"Content-Type: text/plain; " + b'a="\\"' * 3000 + b"\r\n\r\nx"
    return HEAD + mails.multipart("mixed", "b", *[long] * 1500)


def boundaries() -> bytes:
    head = mails.header("Content-Type: multipart/mixed; boundary=b")
    return HEAD + head + b"\r\n" + b"--bx\n--b" * (3 * MIB)


def zeros() -> bytes:
    """A gigabyte of them, packed once and twice."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("zeros.txt", "w") as file,
    ):
        for _ in range(1024):
            file.write(bytes(MIB))
    files = (
        mails.attached("a.zip", "application/zip", packed.getvalue()),
        mails.attached("a.zip.gz", "application/gzip", gzip.compress(packed.getvalue())),
    )
    return HEAD + mails.multipart("mixed", "b", *files)


def bounce() -> bytes:
    """What came back, and says so again and again."""
    almost = b"> Message-ID:\r\n <hostseal.0123456789\r\nDiagnostic-Code: smtp; 550\r\n 5"
    told = almost * 60_000 + b"4" * 2 * MIB + b"\r\n" + b" \t>|" * MIB
    id_ = b"Message-ID: <hostseal." + b"0" * 32 + b"@vendor.example>\r\n"
    return b"Return-Path: <>\r\n" + HEAD + b"\r\n" + id_ + told


def packed_text() -> bytes:
    """Rich Text that says that it is 1 GB, and repeats itself."""
    body = b"\0a" + bytes(7) + (b"\xff" + b"\x0d\x0f" * 8) * 400_000
    packed = (
        (len(body) + 12).to_bytes(4, "little")
        + (1 << 30).to_bytes(4, "little")
        + b"LZFu"
        + bytes(4)
    )
    data = tnef.write("x", as_rtf=True)
    at = data.index(b"LZFu") - 8
    inner = packed + body
    props = data[: at - 4] + len(inner).to_bytes(4, "little") + inner
    return HEAD + mails.multipart(
        "mixed", "b", mails.attached("winmail.dat", "application/ms-tnef", props)
    )


def huge_header() -> bytes:
    fields = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 900) for n in range(20_000))
    return HEAD + fields + b"To: " + b"=?utf-8?Q?a?= " * 100_000 + b"\r\n\r\n" + LINE.encode()


def one_long_field() -> bytes:
    return (
        HEAD + b"References: " + b"<a@b> " * 1_000_000 + b"\r\n" + b" <c@d>\r\n" * 500_000 + b"\r\n"
    )


def too_large() -> bytes:
    return HEAD + plain(LINE + "x" * limits.LARGEST)


def long_text() -> bytes:
    return HEAD + plain(("lorem 12345 " * 400_000) + "\n" + LINE)


def lines_of_blanks() -> bytes:
    return HEAD + plain(("BEGIN LICENSE REQUEST " + " " * 90 + "\n") * 20_000)


def half_licences() -> bytes:
    return HEAD + plain("Licence HS-2026-KCY3ZBEK of a\nBEGIN LICENSE\n" * 40_000)


def quotations() -> bytes:
    return HEAD + plain("> " * 200_000 + "\n" + ("> " * 30 + "x\n") * 10_000)


PAGES: dict[str, str] = {
    "open tags": "<div" * 150_000 + ">",
    "open quotes": '<a b="' * 100_000 + ">",
    "odd quotes": "<a b=\"'>" * 80_000 + ">",
    "open comments": "<!--" * 150_000 + ">",
    "deep": "<blockquote>" * 50_000 + LINE,
    "entities": "&#" + "9" * 500_000 + ";" + "&a" * 100_000,
    "brackets": "<" * 500_000,
    "styles": "<p style='" + "style='" * 600 + "'>" + '<p style="x' * 40_000,
    "scripts": "<script>" * 70_000,
    "cells": "<td>" * 120_000,
}
BOMBS: tuple[Callable[[], bytes], ...] = (
    *(nested_parts, nested_mails, encoded_mails, many_parts, many_parts_with_long_fields),
    *(boundaries, zeros, bounce, packed_text, huge_header, one_long_field, too_large, long_text),
    *(lines_of_blanks, half_licences, quotations),
)


def measured(name: str, data: bytes) -> IncomingMail:
    """The mail, once it is printed how much memory reading it took."""
    tracemalloc.start()
    try:
        mail = incoming.read(data, Own())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"{name}: {len(data) / MIB:.1f} MiB, read in {peak / MIB:.0f} MiB")
    assert peak < MOST + len(data)
    assert sum(len(one.text) for one in mail.texts) <= limits.TEXTS
    assert len(mail.unread) <= 2 * limits.REASONS
    return mail


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_a_bomb_is_read_in_bounded_memory_and_said(bomb: Callable[[], bytes]) -> None:
    mail = measured(bomb.__name__, bomb())
    assert mail.sender is not None
    told = {
        "boundaries",
        "huge_header",
        "one_long_field",
        "lines_of_blanks",
        "half_licences",
        "quotations",
    }
    assert bomb.__name__ in told or mail.unread


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_never_ends_is_read_in_bounded_memory(name: str) -> None:
    measured(name, HEAD + page(PAGES[name]))


def test_a_larger_mail_is_not_read_but_for_its_header() -> None:
    mail = incoming.read(too_large(), Own())
    assert mail.texts == ()
    assert mail.hosts == ()
    assert mail.unread == ("it is larger than 25 MiB, and only its header was read",)


def test_the_first_parts_of_many_are_read() -> None:
    content = mails.multipart("mixed", "b", plain(), *[plain("x")] * 10_000)
    mail = incoming.read(HEAD + content, Own())
    assert [one.request.key for one in mail.hosts] == [KEY]
    assert mail.unread == ("only the first 200 parts were read",)


def test_no_damage_of_a_mail_raises_an_error() -> None:
    chance = Random(20261130)
    for number in range(400):
        data = bytearray(mails.made(number).data)
        for _ in range(chance.randrange(1, 30)):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randrange(60)]
                case 2:
                    data[at:at] = data[chance.randrange(len(data)) :][: chance.randrange(200)]
                case _:
                    data[at:at] = chance.choice(
                        [b"\0", b"\r\n", b"\n\n", b"--", b"=", b'"', b"<", b";"]
                    )
            data = data or bytearray(b"x")
        mail = incoming.read(bytes(data), Own())
        for text in (mail.subject, *mail.files, *(one.address for one in (mail.sender,) if one)):
            assert text.isprintable() or not set(text) & set("\r\n\0\x1b"), text


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\r\n\r\n", b"\0" * 100, b"\xff" * 100, b":", b"From: \n"]
)
def test_what_is_no_mail_is_read_as_nothing(data: bytes) -> None:
    mail = incoming.read(data, Own())
    assert mail.sender is None
    assert mail.hosts == ()
