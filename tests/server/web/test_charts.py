"""Charts are well-formed SVG with a description in words."""

from xml.etree import ElementTree

import pytest

from license_server.web import charts
from license_server.web.charts import Bar, Part
from tests.support.attacks import HOSTILE_NAMES


def test_chart_draws_each_value_and_describes_it() -> None:
    parts = [Part(1, 3, "a: 3", "/a"), Part(2, 1, "b: 1"), Part(3, 0, "c: 0", "/c")]
    picture = ElementTree.fromstring(
        charts.columns([Bar("Nov", "2026", "2026-11: 4", parts, "/all")], "T", "D")
    )
    heights = {one[0].text: float(one.get("height", "")) for one in picture.iter("rect")}
    assert heights.keys() == {"a: 3", "b: 1"}
    assert heights["a: 3"] + 1 == pytest.approx(3 * (heights["b: 1"] + 1), abs=0.2)
    assert [one.get("href") for one in picture.iter("a")] == ["/a", "/all"]
    assert (picture[0].text, picture[1].text) == ("T", "D")
    assert "style" not in ElementTree.tostring(picture, "unicode")


@pytest.mark.parametrize("text", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_chart_escapes_hostile_text(text: str) -> None:
    bar = Bar(text, text, text, [Part(1, 1, text, f"/x?{text}")], text)
    picture = ElementTree.fromstring(charts.columns([bar], text, text))
    assert picture[0].text == text
    assert {one.tag for one in picture.iter()} <= {
        *("svg", "title", "desc", "a", "rect", "text", "line"),
    }


def test_chart_handles_no_bars_and_never_exceeds_its_scale() -> None:
    for value in (0, 1, 7, 10, 11, 999, 123_456_789):
        bars = [Bar("a", "", "", [Part(1, value, "")])]
        picture = ElementTree.fromstring(charts.columns(bars, "", ""))
        for rect in picture.iter("rect"):
            assert float(rect.get("y", "")) >= 0
    ElementTree.fromstring(charts.columns([], "", ""))


def test_large_numbers_are_abbreviated() -> None:
    told = {999: "999", 1000: "1k", 1234: "1.2k", 34_567: "34k", 1_250_000: "1.2M"}
    assert {value: charts.brief(value) for value in told} == told
