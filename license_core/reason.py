"""Reasons: text inside a problem's sentence that can be translated too."""

from collections.abc import Callable
from typing import Self


class Reason(str):
    """A text made of a template and facts. It is English, and remembers what it was made of."""

    __slots__ = ("facts", "template")
    facts: dict[str, object]
    template: str

    def __new__(cls, template: str, /, **facts: object) -> Self:
        """*template* is for ``str.format``; a fact named ``reason`` is one itself."""
        made = super().__new__(cls, template.format_map(facts))
        made.template, made.facts = template, facts
        return made

    def __str__(self) -> Self:
        """Itself, so that ``str(error)`` of an error with a reason is that reason."""
        return self


def say(text: str, translate: Callable[[str], str]) -> str:
    """*text* in the language of *translate*, with the facts of a Reason in their places."""
    if not isinstance(text, Reason):
        return translate(text)
    facts = {
        name: say(value, translate)
        if isinstance(value, Reason) or (name == "reason" and isinstance(value, str))
        else value
        for name, value in text.facts.items()
    }
    return translate(text.template).format_map(facts)
