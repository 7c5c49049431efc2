"""Two ways to use a page in Chromium: with a mouse, or with the keyboard alone.

A test says what is pressed, written or chosen; the hand knows how. The keyboard's goes the whole
way with keys, from where it stands to where it wants: no script puts the focus anywhere.
"""

from typing import Any

from playwright.sync_api import Locator, Page

_FAR = 150
"""More presses of Tab than that, nobody makes."""
_WAY_TO = """element => {
    const at = document.activeElement, main = document.querySelector("main");
    if (at === element) return "here";
    if (at === document.body && main.contains(element)) return "in the content";
    const before = at.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING;
    return before ? "before" : "after";
}"""
_RING = """element => {
    const {outlineStyle, outlineWidth} = getComputedStyle(element);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
}"""
_STEPS_TO = """(select, label) => {
    const labels = [...select.options].map(option => option.label);
    return labels.includes(label) ? labels.indexOf(label) - select.selectedIndex : null;
}"""


class Mouse:
    """Clicks, and types where it has clicked."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, what: Locator) -> None:
        """Use a button, a link, or the head of what can be opened."""
        what.click()

    def follow(self, what: Locator) -> None:
        """Press what leads to another page, and wait until that is there."""
        with self.page.expect_navigation():
            self.press(what)

    def write(self, field: Locator, text: str) -> None:
        """Put *text* into a field in place of what is there."""
        self._enter(field)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)

    def paste(self, field: Locator, text: str) -> None:
        """Put *text* into a field at one stroke, as from a mail."""
        self._enter(field)
        self.page.keyboard.insert_text(text)

    def choose(self, field: Locator, label: str) -> None:
        """Choose from a list."""
        field.select_option(label=label)

    def _enter(self, field: Locator) -> None:
        field.click()


class Keyboard(Mouse):
    """Tab, Shift+Tab, Enter, Space, the arrows, and letters."""

    def press(self, what: Locator) -> None:
        """Go there and press Enter."""
        self._enter(what)
        self.page.keyboard.press("Enter")

    def choose(self, field: Locator, label: str) -> None:
        """Open the list, go along it, and take what is there."""
        self._enter(field)
        steps = field.evaluate(_STEPS_TO, label)
        assert steps is not None, f"{label} is not to be chosen"
        self.page.keyboard.press("Space")
        for _ in range(abs(steps)):
            self.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
        self.page.keyboard.press("Enter")

    def _enter(self, field: Locator) -> None:
        """Go there with Tab; it must be seen to have the focus."""
        for _ in range(_FAR):
            way = field.evaluate(_WAY_TO)
            if way == "here":
                assert field.evaluate(_RING), f"nobody sees that the keyboard is at {field}"
                return
            self._step(way)
        raise AssertionError(f"Tab does not lead to {field}")

    def _step(self, way: Any) -> None:
        keys = {"before": ["Shift+Tab"], "after": ["Tab"], "in the content": ["Tab", "Enter"]}
        for key in keys[way]:  # the first Tab of a page is at the link that skips the menu
            self.page.keyboard.press(key)
