"""QR codes: a small text as a square of dark and light modules (ISO/IEC 18004).

Bytes of ASCII, of which no reader has to guess a charset; versions 1 to 25, levels L and M: what a
telephone reads from a screen. A square is its rows from the top, each a text of ``1`` for dark and
``0`` for light, without the margin.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LARGEST = 25
"""A larger one has modules that are too small on a page."""
_LARGEST_M = 5
"""What a larger one takes at level M, a smaller one takes at L."""
_SIGNS = {"L": 1, "M": 0}
# For each version: the check bytes of a block, and the blocks.
_CHECKS = {
    "L": "7 10 15 20 26 18 20 24 30 18 20 24 26 30 22 24 28 30 28 28 28 28 30 30 26",
    "M": "10 16 26 18 24",
}
_BLOCKS = {
    "L": "1 1 1 1 1 2 2 2 2 4 4 4 4 4 6 6 6 6 7 8 8 9 9 10 12",
    "M": "1 1 1 2 2",
}
_FIELD = 0x11D
_BYTES = 0b0100
_PADDING = (0xEC, 0x11)
_FORMAT, _FORMAT_MASK, _VERSION = 0x537, 0x5412, 0x1F25
# Whether a mask leaves the module at x, y as it is.
_MASKS: tuple[Callable[[int, int], int], ...] = (
    lambda x, y: (x + y) % 2,
    lambda _, y: y % 2,
    lambda x, _: x % 3,
    lambda x, y: (x + y) % 3,
    lambda x, y: (x // 3 + y // 2) % 2,
    lambda x, y: x * y % 2 + x * y % 3,
    lambda x, y: (x * y % 2 + x * y % 3) % 2,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2,
)
_RUN = re.compile("0{5,}|1{5,}")
_FINDER = re.compile("(?=10111010000|00001011101)")


class TooLongError(ValueError):
    """A text is too long for one symbol."""


def encode(text: str, largest: int = LARGEST, mask: int | None = None) -> list[str]:
    """The rows of the smallest symbol for *text*, at level M where that costs no larger one.

    *mask*: of the eight, by default the best. Raises TooLongError above the version *largest*.
    """
    data = text.encode("ascii")
    version = next((one for one in range(1, largest + 1) if _fits(data, one, "L")), None)
    if version is None:
        raise TooLongError(f"{len(data)} bytes")
    level = "M" if version <= _LARGEST_M and _fits(data, version, "M") else "L"
    square = _Square(version)
    square.fill(_codewords(data, version, level))
    sign = _SIGNS[level]
    tried = [square.masked(one, sign) for one in (range(8) if mask is None else (mask,))]
    return min(tried, key=_penalty)


def version_of(rows: Sequence[str]) -> int:
    """The version of a symbol."""
    return (len(rows) - 17) // 4


def _fits(data: bytes, version: int, level: str) -> bool:
    return 4 + _count_bits(version) + 8 * len(data) <= 8 * _room(version, level)


def _count_bits(version: int) -> int:
    return 8 if version < 10 else 16


def _codeword_count(version: int) -> int:
    modules = (16 * version + 128) * version + 64
    if version > 1:
        aligned = version // 7 + 2
        modules -= (25 * aligned - 10) * aligned - 55
    if version > 6:
        modules -= 36
    return modules // 8


def _room(version: int, level: str) -> int:
    """How many bytes of a symbol are data."""
    return _codeword_count(version) - _of(_CHECKS[level], version) * _of(_BLOCKS[level], version)


def _of(table: str, version: int) -> int:
    return int(table.split()[version - 1])


def _codewords(data: bytes, version: int, level: str) -> bytes:
    """All bytes of the symbol, those of its blocks in turn, and then their checks."""
    room = _room(version, level)
    bits = f"{_BYTES:04b}{len(data):0{_count_bits(version)}b}"
    bits += "".join(f"{byte:08b}" for byte in data)
    bits += "0" * min(4, 8 * room - len(bits))
    bits += "0" * (-len(bits) % 8)
    filled = bytearray(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    while len(filled) < room:
        filled.append(_PADDING[(len(filled) - len(bits) // 8) % 2])
    count, check = _of(_BLOCKS[level], version), _of(_CHECKS[level], version)
    shorter, at = count - _codeword_count(version) % count, 0
    parts, ends = [], []
    divisor = _divisor(check)
    for number in range(count):
        size = room // count + (number >= shorter)
        parts.append(filled[at : at + size])
        ends.append(_remainder(parts[-1], divisor))
        at += size
    longest = len(parts[-1])
    said = [part[at] for at in range(longest) for part in parts if at < len(part)]
    return bytes(said + [end[at] for at in range(check) for end in ends])


def _times(one: int, other: int) -> int:
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ (product >> 7) * _FIELD
        product ^= (other >> bit & 1) * one
    return product


def _divisor(degree: int) -> list[int]:
    """The generator polynomial of so many check bytes, without its first coefficient."""
    result, root = [0] * (degree - 1) + [1], 1
    for _ in range(degree):
        for at in range(degree):
            result[at] = _times(result[at], root)
            if at + 1 < degree:
                result[at] ^= result[at + 1]
        root = _times(root, 2)
    return result


def _remainder(data: Sequence[int], divisor: list[int]) -> list[int]:
    result = [0] * len(divisor)
    for byte in data:
        factor = byte ^ result[0]
        result = [a ^ _times(b, factor) for a, b in zip([*result[1:], 0], divisor)]
    return result


class _Square:
    """The modules of a symbol; those that are no data are fixed."""

    def __init__(self, version: int) -> None:
        self._version, self._size = version, 17 + 4 * version
        self._dark = [bytearray(self._size) for _ in range(self._size)]
        self._fixed = [bytearray(self._size) for _ in range(self._size)]
        self._patterns()

    def _set(self, x: int, y: int, dark: bool) -> None:
        self._dark[y][x], self._fixed[y][x] = dark, True

    def _patterns(self) -> None:
        size = self._size
        for at in range(size):
            self._set(6, at, at % 2 == 0)
            self._set(at, 6, at % 2 == 0)
        for x, y in ((3, 3), (size - 4, 3), (3, size - 4)):
            self._ring(x, y, 4, (0, 1, 3))
        places = self._places()
        corners = {(6, 6), (6, size - 7), (size - 7, 6)}
        for x, y in ((x, y) for x in places for y in places if (x, y) not in corners):
            self._ring(x, y, 2, (0, 2))
        self._draw_format(0, [], 0)
        if self._version > 6:
            bits = self._version << 12 | _checked(self._version, _VERSION, 12)
            for at in range(18):
                a, b = size - 11 + at % 3, at // 3
                self._set(a, b, bool(bits >> at & 1))
                self._set(b, a, bool(bits >> at & 1))

    def _ring(self, x: int, y: int, radius: int, dark: tuple[int, ...]) -> None:
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                if 0 <= x + dx < self._size and 0 <= y + dy < self._size:
                    self._set(x + dx, y + dy, max(abs(dx), abs(dy)) in dark)

    def _places(self) -> list[int]:
        """Where the middles of the alignment patterns are."""
        if self._version == 1:
            return []
        count = self._version // 7 + 2
        step = (self._version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
        return [6, *(self._size - 7 - step * at for at in range(count - 2, -1, -1))]

    def _draw_format(self, sign: int, rows: list[bytearray], mask: int) -> None:
        """The level and the mask, twice, into *rows*; without any, as what is fixed."""
        bits = sign << 3 | mask
        bits = (bits << 10 | _checked(bits, _FORMAT, 10)) ^ _FORMAT_MASK
        for at, places in enumerate(self._format_places()):
            for x, y in places:
                if rows:
                    rows[y][x] = bits >> at & 1
                else:
                    self._set(x, y, False)
        if rows:
            rows[self._size - 8][8] = 1
        else:
            self._set(8, self._size - 8, True)

    def _format_places(self) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        size = self._size
        for at in range(15):
            if at < 6:
                first = (8, at)
            elif at < 8:
                first = (8, at + 1)
            else:
                first = (7, 8) if at == 8 else (14 - at, 8)
            yield first, (size - 1 - at, 8) if at < 8 else (8, size - 15 + at)

    def fill(self, codewords: bytes) -> None:
        """Put the data in, column by column from the right."""
        bits = iter("".join(f"{byte:08b}" for byte in codewords))
        upwards = True
        for right in [*range(self._size - 1, 6, -2), 5, 3, 1]:
            rows = range(self._size - 1, -1, -1) if upwards else range(self._size)
            for y in rows:
                for x in (right, right - 1):
                    if not self._fixed[y][x]:
                        self._dark[y][x] = next(bits, "0") == "1"
            upwards = not upwards

    def masked(self, mask: int, sign: int) -> list[str]:
        """The rows under a *mask*, with their format."""
        stays = _MASKS[mask]
        rows = [
            bytearray(
                dark if fixed else dark ^ (not stays(x, y))
                for x, (dark, fixed) in enumerate(zip(self._dark[y], self._fixed[y]))
            )
            for y in range(self._size)
        ]
        self._draw_format(sign, rows, mask)
        return ["".join("01"[dark] for dark in row) for row in rows]


def _checked(value: int, divisor: int, bits: int) -> int:
    """The check bits of *value*."""
    value <<= bits
    while value.bit_length() > bits:
        value ^= divisor << value.bit_length() - bits - 1
    return value


def _penalty(rows: list[str]) -> int:
    """How hard a symbol is to read: by runs, squares, false finders, and its share of dark."""
    size = len(rows)
    columns = ["".join(column) for column in zip(*rows)]
    score = 0
    for line in (*rows, *columns):
        score += sum(len(run[0]) - 2 for run in _RUN.finditer(line))
        score += 40 * len(_FINDER.findall(line))
    for upper, lower in zip(rows, rows[1:]):
        alike = ["=" if a == b else "x" for a, b in zip(upper, lower)]
        score += 3 * sum(
            1
            for at in range(size - 1)
            if upper[at] == upper[at + 1] and alike[at] == alike[at + 1] == "="
        )
    dark = sum(row.count("1") for row in rows)
    return score + 10 * (abs(dark * 20 - size * size * 10) // (size * size))
