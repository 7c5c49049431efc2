"""Texts with facts in them: how a template is filled in, in any language.

Two rules are kept here. A template is for ``str.format``, so that a translation is nothing but
another template. And a number agrees with its noun by its format: ``{gpus:# GPU|# GPUs}`` is *1
GPU* or *4 GPUs*, and ``{days:today|# day|# days}`` has words for none, one and several.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self


class Count(int):
    """A whole number that chooses its words in a template."""

    __slots__ = ()

    def __format__(self, forms: str) -> str:
        """The one of *forms*, parted by ``|``, that agrees with the number; ``#`` stands for it."""
        if "|" not in forms:
            return super().__format__(forms)
        *none, one, several = forms.split("|")
        form = none[0] if none and self == 0 else one if self == 1 else several
        return form.replace("#", str(int(self)))


class _Text(str):
    """A text in a template, where ``{value!r}`` puts it in quotes, and escapes nothing yet."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{self}'"


def counted(value: object) -> object:
    """*value* as a template takes it: a whole number agrees with its noun."""
    if type(value) is int:
        return Count(value)
    return _Text(value) if type(value) is str else value


def fill(template: str, facts: Mapping[str, object]) -> str:
    """*template* with *facts* in their places."""
    return template.format_map({name: counted(value) for name, value in facts.items()})


class Reason(str):
    """A text made of a template and facts. It is English, and remembers what it was made of."""

    __slots__ = ("facts", "template")
    facts: dict[str, object]
    template: str

    def __new__(cls, template: str, /, **facts: object) -> Self:
        """*template* is for ``fill``; a fact named ``reason`` is one itself."""
        made = super().__new__(cls, fill(template, facts))
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
    return fill(translate(text.template), facts)
