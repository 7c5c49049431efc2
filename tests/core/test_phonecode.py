"""Telephone codes: every wrong digit and every exchange of neighbours is told, and where it is."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest

from license_core import phonecode, received
from license_core.errors import LicenseError, RequestDamagedError
from license_core.hostkey import PROFILES
from tests.support.pastes import key_of

SEED = 20261130
DIGITS = "0123456789"


def errors_of(digits: str) -> Iterator[tuple[int, str]]:
    """Each text with one other digit, or two neighbours exchanged; and where that is."""
    for at, right in enumerate(digits):
        for other in DIGITS:
            if other != right:
                yield at, digits[:at] + other + digits[at + 1 :]
    for at, (one, next_) in enumerate(pairwise(digits)):
        if one != next_:
            yield at, digits[:at] + next_ + one + digits[at + 2 :]


def reason(text: str) -> str:
    """What the vendor is told about *text*; AssertionError where it is taken for a host."""
    try:
        found = received.parse(text)
    except LicenseError as error:
        return error.sentence
    raise AssertionError((text, found))


def read_all(codes: int) -> int:
    """How many errors of so many *codes* the reader has told; AssertionError where one is not."""
    chance, told = Random(SEED), 0
    for _ in range(codes):
        code = "".join(phonecode.groups(key_of(chance), chance.choice(list(PROFILES))))
        for at, wrong in errors_of(code):
            assert f"{at // phonecode.SIZE + 1}" in reason(wrong), wrong
            told += 1
    return told


def test_code_reads_back_as_the_key_and_profile_it_was_made_of() -> None:
    chance = Random(SEED)
    for _ in range(200):
        key, profile = key_of(chance), chance.choice(list(PROFILES))
        lines = phonecode.lines(key, profile)
        assert [len(line) for line in lines] == [27, 27, 20]
        found = received.parse("\n".join([*lines, '"studio2_gpu"']))
        assert (found.key, found.profile, found.name) == (key, profile, "studio2_gpu")


def test_greatest_and_least_keys_have_codes_of_eleven_groups() -> None:
    for key in ("0" * 40, "f" * 40):
        assert [len(group) for group in phonecode.groups(key)] == [6] * 11
        assert received.parse(" ".join(phonecode.groups(key))).key == key


def test_every_error_of_one_digit_and_every_exchange_in_10_000_codes_makes_a_group_wrong() -> None:
    chance, told = Random(SEED), 0
    for _ in range(10_000):
        groups = phonecode.groups(key_of(chance), chance.choice(list(PROFILES)))
        for place, group in enumerate(groups):
            assert phonecode.fits(group, place)
            for digit in range(phonecode.SIZE):  # as numbers: it is the same, and fast
                weight = 10 ** (5 - digit)
                right = int(group[digit])
                rest = int(group) % 11
                changed = [(int(group) + (other - right) * weight) % 11 for other in range(10)]
                assert changed.count(rest) == 1, group
                told += 9
            pairs = [at for at in range(5) if group[at] != group[at + 1]]
            for at in pairs:
                swapped = group[:at] + group[at + 1] + group[at] + group[at + 2 :]
                assert not phonecode.fits(swapped, place), group
            told += len(pairs)
        # Across two groups an exchange is one wrong digit in each, of those above.
    assert told > 6_000_000


def test_reader_names_the_group_of_each_error_in_ten_codes() -> None:
    assert read_all(10) > 6_000


@pytest.mark.torture
def test_reader_names_the_group_of_each_error_in_10_000_codes() -> None:
    print(f"{read_all(10_000):,} errors told, each with its group")


def test_what_happens_to_one_group_alone_is_told_though_it_still_fits() -> None:
    chance = Random(SEED)
    for _ in range(300):
        groups = phonecode.groups(key_of(chance))
        place = chance.randrange(phonecode.COUNT)
        other = chance.randrange(2**16) * 11 + (place + 1) % 11
        if int(groups[place]) != other:
            groups[place] = f"{other:06d}"
            assert "do not fit together" in reason(" ".join(groups))


def test_wrong_group_is_said_with_its_place_and_what_to_do() -> None:
    lines = phonecode.lines("16b73b08e56ec496780aefc97174ff42a273df1c")
    digit = int(lines[1][7])
    text = "\n".join([lines[0], f"{lines[1][:7]}{(digit + 1) % 10}{lines[1][8:]}", lines[2]])
    with pytest.raises(RequestDamagedError) as damaged:
        received.parse(text)
    assert "group 6 of the telephone code is wrong (line 2, group 2)" in damaged.value.sentence
    assert "get_host_key --phone" in damaged.value.remedy()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda groups: groups[:7] + groups[8:], "group 8 "),
        (lambda groups: [*groups[:3], groups[3][1:], *groups[4:]], "group 4 "),
        (lambda groups: [*groups[:2], groups[3], groups[2], *groups[4:]], "groups 3, 4 "),
        (lambda groups: groups[:6], "groups 1 to 6 of the telephone code are right"),
        (lambda groups: [*groups[:9], groups[9][:3]], "57"),
    ],
)
def test_what_was_left_out_or_exchanged_is_said(changed, told) -> None:  # type: ignore[no-untyped-def]
    groups = phonecode.groups("16b73b08e56ec496780aefc97174ff42a273df1c")
    assert told in reason(" ".join(changed(groups)))
    assert told in reason("".join(changed(groups))) or "1 to 6" in told


def test_long_tables_of_numbers_are_looked_through_in_no_time() -> None:
    for text in ("1 " * 32_000, "123456 " * 9_000, "123456\n" * 66, "〇" * 64_000):
        assert "host key" in reason(text)
