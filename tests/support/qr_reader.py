"""Reads QR codes as a camera would: by ``zbarimg``, out of a picture."""

import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from xml.etree import ElementTree

from tests.support.need import need

_SCALE, _MARGIN = 4, 4
_HALVES = {" ": "00", "\u2584": "01", "\u2580": "10", "\u2588": "11"}


def read(picture: bytes, suffix: str = ".pgm") -> list[str]:
    """The texts of the codes in a *picture*, in the order in which they are found."""
    if shutil.which("zbarimg") is None:
        need("zbarimg", "apt-get install zbar-tools")
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(picture)
        file.flush()
        line = [
            "zbarimg",
            "--quiet",
            "--xml",
            "--nodbus",
            "-Sdisable",
            "-Sqrcode.enable",
            file.name,
        ]
        done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode in (0, 4), done.stderr  # 4: there is none
    if not done.stdout:
        return []
    return [one.text or "" for one in ElementTree.fromstring(done.stdout).findall(".//{*}data")]


def picture(rows: Sequence[str], scale: int = _SCALE, margin: int = _MARGIN) -> bytes:
    """The rows of a square, ``1`` for dark, as a picture in PGM."""
    side = (max(map(len, rows)) + 2 * margin) * scale
    height = (len(rows) + 2 * margin) * scale
    blank = b"\xff" * side * margin * scale
    edge = b"\xff" * margin * scale
    lines = [
        (edge + b"".join((b"\0" if one == "1" else b"\xff") * scale for one in row) + edge) * scale
        for row in rows
    ]
    return b"P5 %d %d 255\n" % (side, height) + blank + b"".join(lines) + blank


def png(pgm: bytes) -> bytes:
    """A picture in PGM, as PNG, which a browser shows."""
    width, height = map(int, pgm.split(b" ", 3)[1:3])
    pixels = pgm[-width * height :]
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def of_terminal(shown: str, *, is_inverse: bool = False) -> bytes:
    """What a terminal shows, light on dark, as a picture; *is_inverse*: dark on light."""
    lines = shown.splitlines()
    width = max(map(len, lines))
    rows: list[str] = []
    for line in lines:
        halves = [_HALVES[sign] for sign in line.ljust(width)]
        rows += ["".join(half[0] for half in halves), "".join(half[1] for half in halves)]
    if not is_inverse:
        rows = [row.translate(str.maketrans("01", "10")) for row in rows]
    return picture(rows, margin=0 if not is_inverse else 4)


def of_svg(drawn: str) -> bytes:
    """A code that segno has drawn, as a picture: its path is lines of dark modules."""
    found = re.search(r'class="qrline"[^>]* d="([^"]+)"', drawn)
    size = re.search(r'viewBox="0 0 ([0-9]+) ', drawn)
    assert found is not None
    assert size is not None
    side = int(size[1])
    rows = [["0"] * side for _ in range(side)]
    x, y = 0.0, 0.0
    for step, numbers in re.findall(r"([Mmh])([-0-9. ]+)", found[1]):
        given = [float(one) for one in numbers.split()]
        if step == "h":
            rows[int(y)][int(x) : int(x + given[0])] = "1" * int(given[0])
            x += given[0]
        elif step == "M":
            x, y = given
        else:
            x, y = x + given[0], y + given[1]
    return picture(["".join(row) for row in rows], margin=0)
