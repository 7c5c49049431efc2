"""Ed25519 verification in plain Python (RFC 8032 section 5.1.7); it never holds a secret.

For a process that verifies two signatures and ends, this takes less time than to load a library
does. With every key that ``PublicKey`` takes it accepts what ``cryptography`` accepts: without the
cofactor, S below the order of the group, R compared as it is written. ADR 21 says why there is one
of our own, and what would end it.

A point is (X, Y, Z, T): the affine x = X/Z and y = Y/Z, and T = XY/Z (Hisil, Wong, Carter and
Dawson 2008, "Twisted Edwards curves revisited"; the formulas for a = -1, which are complete).
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha512 as _sha512

    Point = tuple[int, int, int, int]
    Addend = tuple[int, int, int, int]  # (Y + X, Y - X, 2Z, 2dT) of a point that is added
else:
    try:  # without OpenSSL, as in license_core.sha256
        if sys.version_info >= (3, 12):
            from _sha2 import sha512 as _sha512
        else:
            from _sha512 import sha512 as _sha512
    except ImportError:
        from hashlib import sha512 as _sha512

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3
_2D = 2 * _D % _P
_ROOT = 0x2B8324804FC1DF0B2B4D00993DFBD7A72F431806AD2FE478C4EE1B274A0EA0B0  # of -1
_BASE = (
    0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A,
    0x6666666666666666666666666666666666666666666666666666666666666658,
)


def verifies(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether *signature* over *message* was made with the public *key* of 32 bytes.

    False also where *key* is on no point of the curve. Keys of small order and such that are not
    written canonically are for the caller to refuse (SPEC section 6.1).
    """
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    point = _point(key)
    if s >= _L or point is None:
        return False
    k = int.from_bytes(_sha512(signature[:32] + key + message).digest(), "little") % _L
    x, y = point
    return _written(_sum(s, k, (_P - x, y))) == signature[:32]


def _point(written: bytes) -> tuple[int, int] | None:
    """The point that 32 bytes stand for (RFC 8032 section 5.1.3); None where there is none."""
    y = int.from_bytes(written, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = y * y % _P
    u, v = square - 1, (_D * square + 1) % _P
    cube = v * v * v % _P
    x = u * cube * pow(u * cube * cube * v, (_P - 5) // 8, _P) % _P
    if (v * x * x - u) % _P:
        x = x * _ROOT % _P
        if (v * x * x - u) % _P:
            return None
    if x == 0 and sign:
        return None
    return (x if x & 1 == sign else _P - x), y


def _written(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, _P - 2, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


def _digits(number: int) -> list[tuple[int, int]]:
    """*number* as a sum of d * 2**i with odd d, -16 < d < 16, at least 5 bits apart: (i, d)."""
    digits, i = [], 0
    while number:
        zeros = (number & -number).bit_length() - 1
        number >>= zeros
        i += zeros
        digit = number & 31
        if digit > 16:
            digit -= 32
        digits.append((i, digit))
        number -= digit
    return digits


def _odd_multiples(x: int, y: int) -> list[Addend]:
    """The addends of 1, 3, 5 … 15 times the point (x, y)."""
    point = (x, y, 1, x * y % _P)
    twice = _addend(_doubled(*point))
    addends = [_addend(point)]
    for _ in range(7):
        point = _added(*point, *twice)
        addends.append(_addend(point))
    return addends


def _sum(s: int, k: int, other: tuple[int, int]) -> Point:
    """The sum of s times the base point and k times *other* (Straus: all doublings are shared)."""
    steps: dict[int, list[Addend]] = {}
    for number, (x, y) in ((s, _BASE), (k, other)):
        multiples = _odd_multiples(x, y)
        for i, digit in _digits(number):
            plus, minus, twice_z, twice_dt = multiples[abs(digit) >> 1]
            addend = (
                (plus, minus, twice_z, twice_dt)
                if digit > 0
                else (minus, plus, twice_z, _P - twice_dt)
            )
            steps.setdefault(i, []).append(addend)
    x, y, z, t = 0, 1, 1, 0
    for i in range(max(steps, default=0), -1, -1):
        x, y, z, t = _doubled(x, y, z, t)
        for addend in steps.get(i, ()):
            x, y, z, t = _added(x, y, z, t, *addend)
    return x, y, z, t


def _addend(point: Point) -> Addend:
    x, y, z, t = point
    return y + x, y - x, 2 * z, _2D * t % _P


def _added(
    x: int, y: int, z: int, t: int, plus: int, minus: int, twice_z: int, twice_dt: int
) -> Point:
    a, b = (y - x) * minus % _P, (y + x) * plus % _P
    c, d = t * twice_dt % _P, z * twice_z % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _doubled(x: int, y: int, z: int, _: int) -> Point:
    a, b = x * x % _P, y * y % _P
    h, g = a + b, a - b
    e, f = h - (x + y) ** 2, 2 * z * z + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P
