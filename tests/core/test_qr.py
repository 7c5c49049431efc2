"""QR codes: the same squares as those of a library, read back by a camera's program."""

from random import Random

import pytest
import segno

from license_core import hostline, qr
from tests.support import qr_reader

# What each version takes at most, at level L: then no padding is in it, which libraries write in
# two ways.
MOST = [17, 32, 53, 78, 106, 134, 154, 192, 230, 271, 321, 367, 425, 458, 520, 586, 644, 718]
MOST += [792, 858, 929, 1003, 1091, 1171, 1273]
MOST_M = {1: 14, 2: 26, 3: 42, 4: 62, 5: 84}
SIGNS = 'abcXYZ019-_.%\n"[]'


def rows_of(code: segno.QRCode) -> list[str]:
    return ["".join("01"[module & 1] for module in row) for row in code.matrix]


def text_of(chance: Random, size: int) -> str:
    return "".join(chance.choices(SIGNS, k=size - 1)) + "!"


@pytest.mark.parametrize("level", ["l", "m"])
def test_squares_are_those_of_a_library_in_every_version_under_every_mask(level: str) -> None:
    chance = Random(20261130)
    sizes = dict(enumerate(MOST, 1)) if level == "l" else MOST_M
    for version, size in sizes.items():
        text = text_of(chance, size)
        for mask in range(8) if version < 8 else [version % 8]:
            code = segno.make(
                text, error=level, version=version, mode="byte", mask=mask, boost_error=False
            )
            rows = qr.encode(text, mask=mask)
            assert qr.version_of(rows) == version
            assert rows == rows_of(code), (version, mask)


def test_squares_are_read_back_by_a_program_for_cameras() -> None:
    chance = Random(20261130)
    texts = [text_of(chance, size) for size in (6, 59, 90, 200, 473, 550, 858, 1273)]
    texts.append(hostline.write("55917890141cb1c89accc5e53a929acb1867c42c", "工作站"))
    for text in texts:
        assert qr_reader.read(qr_reader.picture(qr.encode(text))) == [text]


def test_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(qr.TooLongError):
        qr.encode("x" * 1274)
    with pytest.raises(qr.TooLongError):
        qr.encode("x" * 200, largest=5)
