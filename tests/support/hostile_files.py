"""Files of up to 1 MiB that are made to cost a reader time or memory, for every file it reads.

A piece that is repeated up to a size, with a beginning and an end: deep nesting, half markers,
endless lines, many of whatever may be many. What each reader's own patterns and tables could be
slow at stands under the file that it reads.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.support.cli import World
from tests.support.vendor import keyset, license_block, revocations

MOST = 1024 * 1024
"""The size of each file that may have it."""
SHORT = 64 * 1024
"""The most bytes of a licence, of settings, of keys and of what the client remembers."""
_KEY = b"0123456789abcdef0123456789abcdef01234567"
_ID = b"5f0c1b7e" * 8
_BEGIN, _END = b"-----BEGIN LICENSE-----\n", b"-----END LICENSE-----\n"


class HostileFile(NamedTuple):
    """A file and what reads it."""

    kind: str
    """What is hostile in it."""
    path: str
    """Where it is: under ``conf/``, ``keys/``, ``mailed/`` or ``host/``."""
    data: bytes

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments of a command that reads it."""
        if self.path.startswith("mailed/"):
            return ("install", "--yes", self.path)
        if self.path in _READ_BY_DOCTOR or "/sys/class/" in self.path:
            return ("doctor",)
        return ("verify",)


_READ_BY_DOCTOR = frozenset(
    {
        "conf/requirements.toml",
        "host/proc/sys/kernel/random/boot_id",
        "host/proc/net/ipv6_route",
        "host/proc/driver/nvidia/gpus/0000:01:00.0/information",
    }
)


def _filled(piece: bytes, size: int, head: bytes = b"", tail: bytes = b"") -> bytes:
    """*head*, then *piece* as often as it fits, then *tail*."""
    return head + piece * ((size - len(head) - len(tail)) // len(piece)) + tail


def _numbered(template: str, size: int, head: bytes = b"", tail: bytes = b"") -> bytes:
    """Like ``_filled``, with a number in each piece, ``{0}``; its bytes are ``{1}`` and ``{2}``."""
    pieces, room, number = [head], size - len(head) - len(tail), 0
    while True:
        piece = template.format(number, number >> 8 & 255, number & 255).encode()
        room -= len(piece)
        if room < 0:
            return b"".join([*pieces, tail])
        pieces.append(piece)
        number += 1


ANYWHERE: dict[str, bytes] = {
    "NULs": b"\0",
    "blanks": b" ",
    "empty lines": b"\n",
    "empty lines of a Mac": b"\r",
    "one line of letters": b"A",
    "dashes": b"-",
    "dashes and blanks": b"- ",
    "em dashes": "\u2014".encode(),
    "byte order marks": b"\xef\xbb\xbf",
    "half of UTF-16": b"\xff\xfe",
    "UTF-16": "-\u2014".encode("utf-16-le"),
    "no UTF-8": b"\x80\xff",
    "brackets": b"[",
    "pairs of brackets": b"[]",
    "objects in objects": b'{"a":',
    "quotes": b'"',
    "quotes and backslashes": b'\\"',
    "backslashes": b"\\",
    "escaped line breaks": b"\\n",
    "digits": b"7",
    "short numbers": b"1,",
    "points": b".",
    "equals signs": b"=",
    "equals signs and blanks": b"= ",
    "soft line breaks": b"=\n",
    "quoted-printable": b"=3D",
    "quoted-printable of half a character": b"=E2",
    "percent signs": b"%41",
    "entities": b"&amp;",
    "numeric entities": b"&#45;",
    "ampersands": b"&",
    "less-than signs": b"<",
    "tags without an end": b"<br ",
    "quote marks": b"> ",
    "bars": b"|",
    "invisible characters": "\u200b".encode(),
    "direction marks": "\u202e".encode(),
    "one character with many marks": "\u0301".encode(),
    "a ligature of eighteen letters": "\ufdfa".encode(),
    "a letter that grows": "\u0130".encode(),
    "full-width letters": "\uff21".encode(),
    "emojis": "\U0001f9e8".encode(),
    "escape sequences": b"\x1b[2J",
    "hashes": b"#",
    "apostrophes": b"'",
    "colons": b"a:",
    "slashes": b"/",
    "short words": b"ab ",
    "short lines": b"a\n",
    "tabs": b"a\t",
    "commas": b",",
    "host keys": _KEY + b" ",
    "BEGIN": b"-----BEGIN ",
    "BEGIN and END": _BEGIN + b"A\n" + _END,
    "BEGIN alone": _BEGIN,
    "END alone": _END,
    "half a marker over lines": b"-----BEGIN\n",
    "LICENSE": b"LICENSE ",
    "BEGIN without dashes": b"BEGIN LICENSE ",
    "base64 of braces": b"eyJ",
    "parts of tokens": b"eyJ.",
    "lines of base64": b"A" * 64 + b"\n",
}
"""Pieces that are hostile to somebody."""

OWN: dict[str, dict[str, tuple[bytes, bytes, bytes]]] = {
    "conf/license.dat": {
        "blanks within a marker": (b"-----BEGIN", b" ", b""),
        "letters within a marker": (b"-----BEGIN LICENSE ", b"A", b""),
        "a token of points": (_BEGIN, b".", _END),
        "a token of blanks": (_BEGIN, b"a ", _END),
        "keysets": (
            b"",
            b"-----BEGIN LICENSE KEYSET-----\nA\n-----END LICENSE KEYSET-----\n",
            _BEGIN + b"A\n" + _END,
        ),
        "roots": (
            b"",
            b"-----BEGIN LICENSE ROOTS-----\nA\n-----END LICENSE ROOTS-----\n",
            _BEGIN + b"A\n" + _END,
        ),
        "a token of em dashes": (_BEGIN, "\u2014".encode(), _END),
    },
    "conf/license.revocations": {
        "escapes": (b"", b"=3D", b""),
        "a list of blanks": (
            b"-----BEGIN LICENSE REVOCATIONS-----\n",
            b"ab ",
            b"-----END LICENSE REVOCATIONS-----\n",
        ),
        "lists": (
            b"",
            b"-----BEGIN LICENSE REVOCATIONS-----\nA\n-----END LICENSE REVOCATIONS-----\n",
            b"",
        ),
    },
    "conf/hostseal.toml": {
        "a dotted key": (b"", b"a.", b"a = 1"),
        "a dotted table": (b"[", b"a.", b"a]"),
        "arrays in arrays": (b"a = ", b"[", b""),
        "tables in tables": (b"a = ", b"{a=", b""),
        "an array of numbers": (b"a = [", b"1,", b"]"),
        "a long number": (b"warn_days = ", b"7", b""),
        "a long hexadecimal number": (b"roots_needed = 0x", b"F", b""),
        "underscores in a number": (b"warn_days = 1", b"_1", b""),
        "a long fraction": (b"a = 1.", b"0", b""),
        "a long name": (b'product = "', b"a", b'"'),
        "escapes in a name": (b'product = "', b"\\u0041", b'"'),
        "a text over lines": (b'product = """', b"a\n", b'"""'),
        "backslashes over lines": (b'product = """', b"\\\n", b'"""'),
        "a text without an end": (b'product = "', b"a", b""),
        "tables": (b"", b"[[a]]\n", b""),
        "comments": (b"", b"# a\n", b""),
    },
    "conf/license.state": {
        "arrays": (b'{"ver":1,"hosts":[', b"[],", b"[]]}"),
        "texts": (b'{"ver":1,"hosts":[', b'"",', b'""]}'),
        "a long number": (b'{"ver":', b"1", b"}"),
        "an exponent": (b'{"ver":1e', b"9", b"}"),
        "escapes": (b'{"ver":"', b"\\u0041", b'"}'),
        "surrogates": (b'{"ver":"', b"\\ud800", b'"}'),
        "one name again and again": (b"{", b'"a":1,', b'"a":1}'),
        "lines": (b"", b"{}\n", b""),
    },
    "keys/root.pub.pem": {
        "keys": (b"", b"-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----\n", b""),
        "BEGIN of a key": (b"", b"-----BEGIN PUBLIC KEY-----\n", b""),
        "a long key": (b"-----BEGIN PUBLIC KEY-----\n", b"AAAA", b"-----END PUBLIC KEY-----\n"),
    },
    "mailed/licence": {
        "cells": (b"-----BEGIN LICENSE-----,", b",", b""),
        "rows without cells beside one that is long": (b"," * 120 + b"\n", b"\n", b""),
        "headers of a usual length": (b"", b"Header-Of-A-Mail: a value\n", b"\n"),
        "parts of a usual length": (
            b'Content-Type: multipart/mixed; boundary="b"\n\n',
            b"--b\n\na text of a usual length, of 76 characters, or nearly so, as in mails it is\n",
            b"--b--\n",
        ),
        "rows of a usual length beside one that is long": (
            b"," * 120 + b"\n",
            b"a cell, and one more here\n",
            b"",
        ),
        "rows of three cells": (b"", b"a,b;c\td\n", b""),
        "a cell over lines": (b'"', b"a\n", b'"'),
        "quotes in a cell": (b'"', b'""', b'"'),
        "headers": (b"", b"A: b\n", b"\n"),
        "folded headers": (b"A: b\n", b" c\n", b"\n"),
        "a long header": (b"A: ", b"b ", b"\n\n"),
        "encoded words": (b"Subject: ", b"=?utf-8?q?a?= ", b"\n\n"),
        "parameters": (b"Content-Type: text/plain", b";\n a*0*=b", b"\n\n"),
        "parts": (
            b'Content-Type: multipart/mixed; boundary="b"\n\n',
            b"--b\n\na\n",
            b"--b--\n",
        ),
        "parts in parts": (
            b"",
            b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n',
            b"",
        ),
        "messages in messages": (b"", b"Content-Type: message/rfc822\n\n", b""),
        "base64 in a mail": (b"Content-Transfer-Encoding: base64\n\n", b"QUFB\n", b""),
        "a long entity": (b"<p>&#", b"1", b";"),
        "a long hexadecimal entity": (b"<p>&#x", b"1", b";"),
        "a long name of an entity": (b"<p>&", b"a", b";"),
        "entities without an end": (b"<p>", b"&notanentity", b""),
        "pages": (b"", b"<html>", b""),
        "a tag with many attributes": (b"<p ", b"a=b ", b">"),
        "comments in a page": (b"<p>", b"<!--", b""),
        "JSON in JSON": (b"", b'"\\"', b""),
        "texts of JSON": (b"[", b'"' + b"A" * 120 + b'",', b'""]'),
        "arrays of JSON": (b"[", b"[],", b"[]]"),
        "a number of JSON": (b"", b"1", b""),
        "words of base64": (b"", b"A" * 120 + b" ", b""),
        "base64 of base64": (b"", b"QUFBQUFB", b""),
        "backslashes before a break": (b"", b"\\\\\\\n", b""),
        "backslashes and blanks": (b"", b"\\ ", b""),
        "breaks of a sheet": (b"", b"_x000D_\n", b""),
    },
    "host/proc/self/mountinfo": {
        "mounts": (b"", b"1 1 8:1 / /a rw - ext4 a rw\n", b""),
        "fields": (b"1 1 8:1 / / rw ", b"- ", b"\n"),
        "folders of containers": (b"1 1 8:1 ", b"/a-containers", b" /etc/hosts rw - ext4 a rw\n"),
        "letters before containers": (b"1 1 8:1 /", b"a", b" /etc/hosts rw - ext4 a rw\n"),
        "pods": (b"1 1 8:1 ", b"/pods/a", b" /etc/hosts rw - ext4 a rw\n"),
        "upper folders": (b"1 1 8:1 / / rw - overlay a rw", b",upperdir=", b"\n"),
        "digits in an upper folder": (b"1 1 8:1 / / rw - overlay a upperdir=", b"/" + _ID, b"\n"),
        "snapshots": (b"1 1 8:1 / / rw - overlay a upperdir=", b"/snapshots/1", b"\n"),
        "a long snapshot": (b"1 1 8:1 / / rw - overlay a upperdir=/snapshots/", b"1", b"\n"),
        "subvolumes": (b"1 1 8:1 ", b"/io.containerd", b"x / rw - btrfs a rw\n"),
        "hexadecimal digits": (b"1 1 8:1 /containers/", b"a", b"/ /etc/hosts rw - ext4 a rw\n"),
    },
    "host/proc/self/cgroup": {
        "ids": (b"", _ID + b"\n", b""),
        "slices": (b"0::", b"/machine.slice/", b"\n"),
        "slices without payload": (b"0::", b"/machine.slice/payloa", b"\n"),
        "hexadecimal digits": (b"0::/", b"a", b"\n"),
        "hexadecimal digits and points": (b"0::/", b"a" * 63 + b".", b"\n"),
        "folders of engines": (b"0::", b"/docke", b"\n"),
    },
    "host/proc/net/route": {
        "default routes": (
            b"heading\n",
            b"eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
            b"",
        ),
        "a long metric": (b"h\neth0\t00000000\t010011AC\t0003\t0\t0\t", b"1", b"\t00000000\n"),
        "a long gateway": (b"h\neth0\t00000000\t", b"F", b"\t0003\t0\t0\t0\t00000000\n"),
    },
    "host/proc/net/ipv6_route": {
        "routes": (b"", b"%032d 00 %032d 00 %032d 1 1 1 1 eth0\n" % (0, 0, 0), b""),
        "a long prefix": (b"0" * 32 + b" ", b"F", b" 0 0 0 1 1 1 1 eth0\n"),
    },
    "host/etc/resolv.conf": {
        "name servers": (b"", b"nameserver 192.0.2.1\n", b""),
        "different name servers": (b"nameserver ", b"x", b"\n"),
    },
    "host/etc/hosts": {
        "names": (b"192.0.2.1", b" a", b"\n"),
        "hosts": (b"", b"192.0.2.1 a\n", b""),
    },
    "host/proc/sys/kernel/hostname": {
        "controls": (b"", b"\x1b", b""),
        "no UTF-8": (b"", b"\xff", b""),
        "marks": (b"", "\u0301".encode(), b""),
    },
    "host/proc/net/dev": {"interfaces": (b"\n\n", b"e:\n", b"")},
    "host/proc/driver/nvidia/gpus/0000:01:00.0/information": {
        "a long number": (b"Device Minor: ", b"1", b"\n"),
        "numbers": (b"", b"Device Minor: x\n", b""),
        "a long identity": (b"GPU UUID: ", b"G", b"\n"),
    },
    "host/sys/class/net/eth0/type": {"a long number": (b"", b"1", b"\n")},
    "host/sys/class/net/eth0/uevent": {"types": (b"", b"DEVTYPE=\n", b"")},
}
"""By the file: what stands before, what is repeated, and what stands after."""

COUNTED: dict[str, dict[str, tuple[str, bytes, bytes]]] = {
    "conf/license.state": {"names": ('"{0}":0,', b"{", b'"z":0,"z":0}')},
    "conf/hostseal.toml": {
        "names": ("a{0} = 1\n", b"", b""),
        "tables": ("[a{0}]\n", b"", b""),
        "names of a table": ("a{0}=1,", b"a = {", b"z=1}"),
    },
    "host/proc/net/fib_trie": {
        "addresses": ("|-- 10.9.{1}.{2}\n/32 host LOCAL\n", b"", b""),
    },
    "host/proc/net/route": {
        "networks": (
            "eth{0}\t{1:02X}{2:02X}0A0A\t00000000\t0001\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n",
            b"h\n",
            b"",
        ),
    },
    "host/proc/net/if_inet6": {
        "addresses": ("20010db8{0:024x} 02 40 00 80 eth{0}\n", b"", b""),
        "addresses of one interface": ("20010db8{0:024x} 02 40 00 80 eth0\n", b"", b""),
    },
    "host/proc/net/dev": {"different interfaces": ("e{0}:0\n", b"\n\n", b"")},
    "host/proc/self/mountinfo": {"places": ("1 1 8:1 / /a{0} rw - ext4 a rw\n", b"", b"")},
    "host/etc/resolv.conf": {"addresses": ("nameserver 10.9.{1}.{2}\n", b"", b"")},
    "mailed/licence": {
        "different headers": ("A{0}: b\n", b"", b"\n"),
        "boundaries": (
            'Content-Type: multipart/mixed; boundary="b{0}"\n\n--b{0}\n',
            b"",
            b"",
        ),
        "names of JSON": ('"a{0}":"",', b"{", b'"z":1}'),
    },
}
"""The same, with a number in each piece."""

_FILES = (
    "conf/license.dat",
    "conf/license.trust",
    "conf/license.revocations",
    "conf/license.state",
    "conf/license.pin",
    "conf/hostseal.toml",
    "conf/requirements.toml",
    "keys/root.pub.pem",
    "mailed/licence",
    "host/proc/self/mountinfo",
    "host/proc/self/cgroup",
    "host/proc/net/route",
    "host/proc/net/ipv6_route",
    "host/proc/net/fib_trie",
    "host/proc/net/if_inet6",
    "host/proc/net/dev",
    "host/proc/net/udp",
    "host/etc/resolv.conf",
    "host/etc/hosts",
    "host/etc/machine-id",
    "host/proc/sys/kernel/hostname",
    "host/proc/driver/nvidia/gpus/0000:01:00.0/information",
    "host/proc/sys/kernel/random/boot_id",
    "host/sys/class/dmi/id/product_uuid",
    "host/sys/class/net/eth0/uevent",
    "host/sys/class/net/eth0/type",
    "host/sys/class/net/eth0/ifindex",
    "host/sys/class/net/eth0/address",
)
_LONG = ("conf/license.revocations", "mailed/licence")
"""What the client reads to the end although it has more than SHORT bytes."""


def size_of(path: str) -> int:
    """The most bytes of the file that are looked at."""
    if path == "conf/license.pin":
        return 1024
    return MOST if path.startswith("host/") or path in _LONG else SHORT


def _kinds() -> Iterator[tuple[str, str, bytes]]:
    for path, kinds in OWN.items():
        for kind, (head, piece, tail) in kinds.items():
            yield kind, path, _filled(piece, size_of(path), head, tail)
    for path, counted in COUNTED.items():
        for kind, (template, head, tail) in counted.items():
            yield f"many different {kind}", path, _numbered(template, size_of(path), head, tail)


def special(world: World) -> Iterator[HostileFile]:
    """What is made for one file, and what needs the vendor's keys."""
    for kind, path, data in _kinds():
        yield HostileFile(kind, path, data)
    for path in _FILES:
        if size_of(path) < MOST:
            yield HostileFile("1 MiB", path, b"a" * MOST)
    good = world.file()
    again = keyset(world, 3)
    yield HostileFile("a keyset again and again", "conf/license.dat", _filled(again, SHORT, good))
    yield HostileFile("a keyset again and again", "conf/license.trust", _filled(again, SHORT))
    forged = keyset(world, 9, by=[world.signing])
    yield HostileFile("forged keysets", "conf/license.trust", _filled(forged, SHORT))
    quoted = b"".join(b"> " + line for line in good.splitlines(keepends=True))
    yield HostileFile("a mail and its quotations", "mailed/licence", _filled(quoted, MOST))
    listed = revocations(world, 1, *(f"HS-2027-{n}" for n in range(48_000)))
    yield HostileFile("a long list", "conf/license.revocations", listed)
    quoted = b"> " + listed.replace(b"\n", b"\n> ")
    yield HostileFile("a long list, quoted", "mailed/licence", quoted)
    block = license_block(world)
    yield HostileFile("licences", "mailed/licence", _filled(block, SHORT))


def anywhere() -> Iterator[HostileFile]:
    """Every piece in every file."""
    for path in _FILES:
        for kind, piece in ANYWHERE.items():
            yield HostileFile(kind, path, _filled(piece, size_of(path)))


def chosen(world: World, count: int) -> list[HostileFile]:
    """So many hostile files: the special ones, and of the others in equal steps as many as fit."""
    found = list(special(world))
    others = list(anywhere())
    wanted = count - len(found)
    return found + [others[n * len(others) // wanted] for n in range(wanted)]
