"""Numbers agree with their nouns, in English and in Chinese."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from license_server.licenses.term_days import Day, last_of
from license_server.web import counts, pages
from license_server.web.reader import catalogue
from tests.support import catalogue as written

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = int(datetime(2026, 11, 28, 12, tzinfo=SHANGHAI).timestamp())
HOUR = 3600
TEMPLATES = Path(pages.__file__).parent / "templates"
_BLOCK = re.compile(r"{% trans (.*?) ?%}(.*?){% endtrans %}", re.DOTALL)


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [(0, "0 days", "0 天"), (1, "1 day", "1 天"), (2, "2 days", "2 天")],
)
def test_day_count_agrees_with_its_noun(count: int, english: str, chinese: str) -> None:
    assert counts.days(count, catalogue("en")) == english
    assert counts.days(count, catalogue("zh")) == chinese


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (-2, "2 days ago", "2 天前"),
        (-1, "1 day ago", "1 天前"),
        (0, "today", "今天"),
        (1, "in 1 day", "1 天后"),
        (2, "in 2 days", "2 天后"),
    ],
)
def test_nearby_days_are_named_relative_to_today(count: int, english: str, chinese: str) -> None:
    assert counts.days_from_now(count, catalogue("en")) == english
    assert counts.days_from_now(count, catalogue("zh")) == chinese


def last(end: int) -> Day:
    day = last_of(end, "Asia/Shanghai")
    assert day is not None
    return day


@pytest.mark.parametrize(
    ("hours", "days"),
    # From noon: the end of today, the first hour of tomorrow, the end of tomorrow, of yesterday.
    [(12, 0), (13, 1), (36, 1), (60, 2), (-12, -1)],
)
def test_days_until_expiry_are_calendar_days(hours: int, days: int) -> None:
    assert counts.days_until(last(NOON + hours * HOUR), NOON) == days


def test_days_until_expiry_work_past_year_9999() -> None:
    end = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) + 1
    assert counts.days_until(last(end), NOON) > 2_900_000


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_sentence_with_a_count_has_singular_and_plural(language: str) -> None:
    counted = [m.id for m in written.read_desk("zh") if "%(count)s" in str(m.id) and m.id != MOST]
    forms = [pair for pair in counted if isinstance(pair, tuple)]
    assert len(counted) == len(forms) > 10
    words = catalogue(language)
    for one, many in forms:
        for count in (0, 1, 2):
            said = words.ngettext(one, many, count)
            if language == "en":
                assert said == (one if count == 1 else many)
            else:
                assert said not in (one, many)


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_plural_form_is_chosen_by_the_count(path: Path) -> None:
    # Jinja takes the first variable of a block, where {% pluralize %} names none.
    for given, body in _BLOCK.findall(path.read_text("utf-8")):
        if "pluralize" in body:
            assert given.startswith("count=") or "{% pluralize count %}" in body


MOST = "%(count)s or more revocations, suspensions or rehosts are not in a published list yet."
"""It is said of a hundred and more, never of one."""
