"""Pictures: figures as SVG. Markup only, from values; colours and sizes of text are in desk.css.

A part of a picture is a link to the list behind it. All text is escaped here; whatever a picture
says, the page says in a table too.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

_WIDTH, _HEIGHT = 460, 230
_LEFT, _TOP, _FOOT = 40, 22, 40
_GAP, _BAR = 0.28, 2
_STEPS = (1, 2, 4, 6, 8)


class Part(NamedTuple):
    """A part of a bar."""

    series: int
    """Its colour: 1 to 6."""
    value: int
    told: str
    """What it is, in words."""
    link: str | None = None


class Bar(NamedTuple):
    """A bar of parts, the first one lowest."""

    label: str
    below: str
    """A second line under the label."""
    told: str
    parts: Sequence[Part]
    link: str | None = None

    @property
    def value(self) -> int:
        """All its parts together."""
        return sum(part.value for part in self.parts)


def columns(bars: Sequence[Bar], title: str, description: str) -> Markup:
    """Upright bars beside one another."""
    top = _round_up(max((bar.value for bar in bars), default=0))
    ground, scale = _HEIGHT - _FOOT, (_HEIGHT - _FOOT - _TOP) / top
    step = (_WIDTH - _LEFT) / max(1, len(bars))
    drawn = [_level(value, ground - value * scale) for value in _levels(top)]
    for place, bar in enumerate(bars):
        drawn.append(_bar(bar, _LEFT + place * step, step, ground, scale))
    head = Markup("<title>{}</title><desc>{}</desc>").format(title, description)
    return Markup('<svg class="chart" role="group" viewBox="0 0 {} {}">{}{}</svg>').format(
        _WIDTH, _HEIGHT, head, Markup("").join(drawn)
    )


def share(value: int, most: int) -> Markup:
    """A lying bar beside words that say the same."""
    width = 100 * value / max(1, most)
    return Markup(
        '<svg class="share" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="s1" width="{:.1f}" height="6"/></svg>'
    ).format(width)


def swatch(series: int) -> Markup:
    """The colour of a series, for a legend."""
    return Markup(
        '<svg viewBox="0 0 10 10" aria-hidden="true"><rect class="s{}" width="10" height="10" '
        'rx="2"/></svg>'
    ).format(series)


def brief(value: int) -> str:
    """A number in at most four characters: ``999``, ``1.2k``, ``34k``, ``1.2M``."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if value >= size * 10:
            return f"{value // size}{sign}"
        if value >= size:
            return f"{value // (size // 10) / 10:g}{sign}"
    return str(value)


def _bar(bar: Bar, left: float, step: float, ground: float, scale: float) -> Markup:
    middle, width = left + step / 2, step * (1 - _GAP)
    drawn, below = [], ground
    for part in bar.parts:
        height = part.value * scale
        if part.value:
            drawn.append(_part(part, middle - width / 2, below - height, width, height))
        below -= height
    if bar.value:
        drawn.append(_text("value", middle, below - 6, brief(bar.value)))
    label = _text("label", middle, ground + 17, bar.label)
    if bar.link:
        label = Markup('<a href="{}" aria-label="{}">{}</a>').format(bar.link, bar.told, label)
    return Markup("").join([*drawn, label, _text("label", middle, ground + 33, bar.below)])


def _part(part: Part, x: float, y: float, width: float, height: float) -> Markup:
    gap = 1 if height > _BAR else 0  # so that parts are told apart by more than their colours
    drawn = Markup(
        '<rect class="s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title>'
        "</rect>"
    ).format(part.series, x, y, width, max(0.5, height - gap), part.told)
    if part.link is None:
        return drawn
    # The keyboard goes by whole bars, and by the table.
    return Markup('<a href="{}" tabindex="-1" aria-label="{}">{}</a>').format(
        part.link, part.told, drawn
    )


def _level(value: int, y: float) -> Markup:
    line = Markup('<line class="axis" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
        _LEFT - 4, _WIDTH, y, y
    )
    text = Markup('<text class="level" x="{}" y="{:.1f}" text-anchor="end">{}</text>')
    return line + text.format(_LEFT - 8, y + 4, brief(value))


def _text(kind: str, x: float, y: float, content: str) -> Markup:
    if not content:
        return Markup("")
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
        kind, x, y, content
    )


def _levels(top: int) -> tuple[int, ...]:
    return (0, top // 2, top) if top % 2 == 0 else (0, top)


def _round_up(value: int) -> int:
    """The next of 1, 2, 4, 6, 8, 10, 20, 40 and so on."""
    size = 1
    while True:
        for step in _STEPS:
            if step * size >= value:
                return step * size
        size *= 10
