"""Terms as people type them."""

import pytest

from license_server.catalog import typed
from license_server.catalog.terms import days_of, limits_of
from license_server.db.errors import InputInvalidError


@pytest.mark.parametrize(
    "text",
    ["gpus=4", "gpus 4", "GPUs=4", "Gpus: 4", "gpus = 4", "gpus= 4", "gpus＝４", "ＧＰＵｓ：４"],
)
def test_a_limit_is_read_however_it_is_typed(text: str) -> None:
    assert limits_of(text.split()) == limits_of([text]) == {"gpus": 4}


def test_several_limits_are_read() -> None:
    assert limits_of(["gpus", "4", "seats=20", "Users", "3"]) == {
        "gpus": 4,
        "seats": 20,
        "Users": 3,
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gpus", "'gpus' is not of the form gpus=4"),
        ("gpus four", "'gpus' is not of the form gpus=4"),
        ("4 gpus", "'4' is not of the form gpus=4"),
        ("GPUs： vier", "'GPUs： vier' is not of the form gpus=4"),
        ("seats=1 ＧＰＵｓ＝x", "'ＧＰＵｓ＝x' is not of the form gpus=4"),
        ("gpus=-4", "gpus=-4 is not between 0 and 9007199254740991"),
        ("GPUs −4", "GPUs −4 is not between 0 and 9007199254740991"),
    ],
)
def test_what_is_no_limit_is_refused_as_it_was_typed(text: str, told: str) -> None:
    with pytest.raises(InputInvalidError) as refused:
        limits_of(text.split())
    assert refused.value.reason == told


def test_a_limit_is_given_once() -> None:
    with pytest.raises(InputInvalidError, match="gpus is given twice"):
        limits_of(["gpus=4", "GPUs=5"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-1", "-1 is not between 1 and 36500"),
        ("−1", "-1 is not between 1 and 36500"),
        ("0", "0 is not between 1 and 36500"),
        ("99999999", "99999999 is not between 1 and 36500"),
        ("ein Jahr", "'ein Jahr' is not a whole number from 1 to 36500"),
        ("1.5", "'1.5' is not a whole number from 1 to 36500"),
        ("３x", "'３x' is not a whole number from 1 to 36500"),
    ],
)
def test_days_that_are_none_say_whether_they_are_a_number(text: str, told: str) -> None:
    with pytest.raises(InputInvalidError) as refused:
        days_of(text, "days", 1)
    assert refused.value.reason == told


@pytest.mark.parametrize("text", ["365", " 365 ", "３６５", "+365"])
def test_days_are_read_in_digits_of_any_width(text: str) -> None:
    assert days_of(text, "days", 1) == 365


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-12-31", "2027-12-31"),
        ("2027/12/31", "2027-12-31"),
        ("2027.2.1", "2027-02-01"),
        ("２０２７－１２－３１", "2027-12-31"),
        ("2027年2月1日", "2027-02-01"),
        ("2027 / 12 / 31", "2027-12-31"),
        (" 2027-02-30 ", "2027-02-30"),
        ("31/12/2027", "31/12/2027"),
        ("2027-12/31", "2027-12/31"),
        ("", ""),
    ],
)
def test_a_day_is_read_with_any_signs_between_its_parts(text: str, day: str) -> None:
    assert typed.day(text) == day


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Asia/Shanghai", "Asia/Shanghai"),
        ("asia/shanghai", "Asia/Shanghai"),
        ("utc", "UTC"),
        ("UTC+8", "UTC+08:00"),
        ("GMT−5", "UTC-05:00"),
        ("utc+05:30", "UTC+05:30"),
        ("Shanghai ", "Shanghai"),
        ("", ""),
    ],
)
def test_a_time_zone_is_read_in_whichever_case(text: str, zone: str) -> None:
    assert typed.time_zone(text) == zone
