"""The page checks find each kind of fault, on pages made wrong on purpose."""

import pytest
from playwright.sync_api import Browser

from tests.support import judge
from tests.support.chromium import new_page

RIGHT = (
    '<!doctype html><html lang="zh-Hans"><head><meta name="viewport" content="width=device-width">'
    "<title>许可证 · Hostseal</title></head><body><main><h1>许可证</h1>{}</main></body></html>"
)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ('<p style="color:#bbb;background:#fff">看不清</p>', "axe, light: color-contrast"),
        (
            "<style>[data-theme=dark] p { color: #555; background: #111 }</style><p>看不清</p>",
            "axe, dark: color-contrast",
        ),
        ('<img src="data:,">', "axe, light: image-alt"),
        ("<input>", "axe, light: label"),
        ('<div style="width:500px">宽</div>', "sticks out: "),
        (f"<p>{'W' * 200}</p>", "sticks out: "),
        ("<p>Nothing was changed.</p>", "in English: 'Nothing was changed.'"),
        ("<p>12 · Licences</p>", "in English: '12 · Licences'"),
        ('<p title="Sign out">退出</p>', "in English: 'Sign out'"),
        ("<p>The CSV file cannot be read</p>", "in English: 'The CSV file cannot be read'"),
    ],
)
def test_judge_finds_what_is_wrong_with_a_page(chromium: Browser, wrong: str, fault: str) -> None:
    page = new_page(chromium, viewport=judge.WIDE)
    page.set_content(RIGHT.format(wrong))
    found = judge.look(page, "zh", axe=fault.startswith("axe"))
    page.close()
    assert any(one.startswith(fault) for one in found), found


_TWICE = "<div{}><p style='color:#555'>你好</p></div>"


@pytest.mark.parametrize(
    ("style", "faults"), [("", 0), (" style='background:#444'", 2), (" style='opacity:.4'", 2)]
)
def test_judge_looks_at_each_kind_of_text_on_one_page(
    chromium: Browser, style: str, faults: int
) -> None:
    """The same text on another ground is of another kind, on both grounds of the page."""
    page = new_page(chromium, viewport=judge.WIDE)
    page.set_content(RIGHT.format(_TWICE.format("")))
    judged: judge.Kinds = {}
    assert judge.look(page, "zh", judged=judged) == []
    page.set_content(RIGHT.format(_TWICE.format("") + _TWICE.format(style)))
    judge.without_colours(page)
    found = judge.of_colours(page, judged)
    assert len(found) == faults, found
    assert judge.of_colours(page, judged) == []
    page.close()


def test_judge_finds_nothing_wrong_with_a_correct_page(chromium: Browser) -> None:
    page = new_page(chromium, viewport=judge.WIDE)
    scrolls = '<div tabindex="0" style="overflow-x:auto"><p style="width:900px">宽</p></div>'
    page.set_content(RIGHT.format(f"<p>studio2_gpu</p><code>Sign out</code>{scrolls}"))
    assert judge.look(page, "zh") == []
    page.close()


def test_judge_records_script_errors_and_failed_requests(chromium: Browser) -> None:
    page = new_page(chromium)
    wrong = judge.listen(page)
    page.set_content(
        '<script>console.error("one"); throw Error("two")</script><img src="http://127.0.0.1:1/">'
    )
    page.wait_for_load_state("load")
    assert {one.partition(":")[0] for one in wrong} >= {"console", "script", "request"}
    page.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/licenses/HS-2026-75D872HH", "/licenses/…"),
        ("/licenses/new", "/licenses/new"),
        ("/licenses?state=valid&q=", "/licenses?state"),
        ("/problems/wrong-host", "/problems/…"),
        ("/customers/12", "/customers/…"),
    ],
)
def test_page_kind_is_derived_from_its_path(path: str, kind: str) -> None:
    assert judge.kind_of(path) == kind
