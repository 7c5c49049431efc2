"""Plurals agree with their number in sentences, reasons and translations."""

import pytest

from license_core.errors import GpusNotLicensedError, Notice
from license_core.reason import Count, Reason, fill, say

EXPIRES = "The licence expires 2027-01-15 08:00:00 UTC, in {}."
CHINESE = "许可证将于 2027-01-15 08:00:00 UTC 到期，还有 {}。"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 GPUs"), (1, "1 GPU"), (2, "2 GPUs"), (11, "11 GPUs")]
)
def test_two_plural_forms_mean_one_and_other(count: int, words: str) -> None:
    assert fill("{count:# GPU|# GPUs}", {"count": count}) == words


@pytest.mark.parametrize(("count", "words"), [(0, "today"), (1, "in 1 day"), (2, "in 2 days")])
def test_first_of_three_plural_forms_means_zero(count: int, words: str) -> None:
    assert fill("{count:today|in # day|in # days}", {"count": count}) == words


def test_other_formats_and_values_are_left_alone() -> None:
    facts = {"a": 1, "b": 2.5, "c": "x|y", "d": True}
    assert fill("{a} {a:03} {b:g} {c} {d}", facts) == "1 001 2.5 x|y True"
    assert f"{Count(7)}" == "7"


@pytest.mark.parametrize(
    ("days", "english", "chinese"),
    [(0, "less than a day", "不到 1 天"), (1, "1 day", "1 天"), (2, "2 days", "2 天")],
)
def test_expiry_notice_counts_whole_days(days: int, english: str, chinese: str) -> None:
    notice = Notice("expires-soon", ended_at=1800000000, days=days)
    assert notice.sentence == EXPIRES.format(english)
    translated = "许可证将于 {ended_at} 到期，还有 {days:不到 1 天|# 天|# 天}。"
    assert notice.say(lambda _: translated) == CHINESE.format(chinese)


@pytest.mark.parametrize(
    ("licensed", "present", "words"),
    [
        (0, 1, "The licence covers 0 GPUs; 1 is visible here."),
        (1, 2, "The licence covers 1 GPU; 2 are visible here."),
        (2, 4, "The licence covers 2 GPUs; 4 are visible here."),
    ],
)
def test_gpu_problem_uses_correct_plurals(licensed: int, present: int, words: str) -> None:
    error = GpusNotLicensedError(licensed=licensed, present=present)
    assert error.sentence == words
    assert error.facts == {"licensed": licensed, "present": present}


@pytest.mark.parametrize(("count", "words"), [(0, "0 parts"), (1, "1 part"), (2, "2 parts")])
def test_reason_inside_a_sentence_uses_correct_plurals(count: int, words: str) -> None:
    reason = Reason("it has {count:# part|# parts}, not 3", count=count)
    assert reason == f"it has {words}, not 3"
    assert say(reason, lambda _: "有 {count} 个部分，应为 3 个") == f"有 {count} 个部分，应为 3 个"
