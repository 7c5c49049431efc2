"""The overview: how things stand, in pictures."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_core.wording import printable
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.catalog import client_commands
from license_server.catalog.terms import DAY
from license_server.db import questions
from license_server.db.questions import Questions
from license_server.http.state import AtSite, state_of
from license_server.licenses import statistics, statistics_store
from license_server.licenses.acts import ACTS
from license_server.licenses.statistics import (
    MOVED_DAYS,
    SMALL,
    SOON_DAYS,
    Board,
    Period,
)
from license_server.signing import keysets
from license_server.site import Site
from license_server.web import charts, pages
from license_server.web.charts import Bar, Part
from license_server.web.reader import Reader
from license_server.web.session import May
from license_server.web.sign_in import HOME
from license_server.webhooks import endpoints, webhook_store

_NAMED = 6
_OTHERS = object()
MONTHS = (*("Jan", "Feb", "Mar", "Apr", "May", "Jun"), *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"))
ISSUED_BY = tuple(act for act in ACTS.values() if act.issues)
"""What licences are issued by, in the order of a bar."""

router = APIRouter()


class Series(NamedTuple):
    """A colour of a picture: what it stands for."""

    name: str
    link: str | None


class Picture(NamedTuple):
    """Bars, and what their colours stand for; the same as a table."""

    bars: list[Bar]
    series: list[Series]
    title: str
    description: str

    @property
    def total(self) -> int:
        """All of it."""
        return sum(bar.value for bar in self.bars)

    def svg(self) -> Any:
        """The picture."""
        return charts.columns(self.bars, self.title, self.description)


@router.get("/overview")
async def overview(
    request: Request, site: AtSite, session: Annotated[Session, Depends(May("licenses:read"))]
) -> Response:
    """How things stand."""
    beside = standing(session.actor)
    read = await site.read(lambda connection: questions.ask_all(connection, beside))
    live = read["live"]
    if not live.newest:
        return pages.page(
            request,
            "overview",
            board=None,
            **read,
            **signing_key(site),
        )
    reader = Reader.of(request, site.settings.time_zone)
    board = await _board(request, site, reader, live.newest)
    may_look = "record:read" in session.actor.permissions
    return pages.page(
        request,
        "overview",
        board=board,
        **read,
        **signing_key(site),
        kept=live.newest > SMALL,
        ending=_ending(board, reader),
        issued=_issued(board, reader, may_look),
        links=_links(board),
        charts=charts,
        soon_days=SOON_DAYS,
        moved_days=MOVED_DAYS,
    )


def standing(actor: Actor) -> Questions:
    """What the first pages say of the server, as far as *actor* may see it.

    ``stopped``: the webhooks that paused by themselves, for whoever manages them.
    """
    may_manage = endpoints.MANAGE in actor.permissions
    return {
        "live": statistics_store.live(),
        "commands": client_commands.shared(actor.products),
        "stopped": webhook_store.in_trouble() if may_manage else questions.known([]),
    }


def signing_key(site: Site) -> dict[str, Any]:
    """Whether the server can sign, and for how many more days, where these are few."""
    now = site.clock()
    keyset, ours = site.issuer.keyset.keyset, site.issuer.signer.public_key
    until = keysets.signs_until(keyset, ours, now)
    days = None if until is None else (until - now) // DAY
    few = days is not None and days < keysets.WARN_DAYS
    return {"can_sign": days is not None, "days_left": days if few else None}


async def _board(request: Request, site: Site, reader: Reader, newest: int) -> Board:
    now = site.clock()
    if newest <= SMALL:
        return await site.read(lambda connection: statistics.count(connection, reader.there, now))
    return await state_of(request).figures.board(site.read, reader.there, now)


def _links(board: Board) -> dict[str, str]:
    """The lists behind the figures."""
    today = board.today
    return {
        "valid": _list(state="valid"),
        "soon": _list(
            state="valid",
            expires_from=today,
            expires_until=today + timedelta(SOON_DAYS),
        ),
        "grace": _list(state="grace"),
        "lapsed": _list(state="expired"),
    }


def _ending(board: Board, reader: Reader) -> Picture:
    """What ends in the next months, by product: the six that most end of, and the others."""
    tr = reader.catalogue.gettext
    totals: Counter[Any] = Counter()
    for one in board.ending:
        totals[one.kind] += one.number
    most = _NAMED if len(totals) <= _NAMED else _NAMED - 1
    named = [kind for kind, _ in totals.most_common(most)]
    kinds = named if len(named) == len(totals) else [*named, _OTHERS]
    counts: Counter[tuple[int, Any]] = Counter()
    for one in board.ending:
        counts[one.month, one.kind if one.kind in named else _OTHERS] += one.number

    def product(kind: Any) -> str | None:
        return board.products.get(kind)

    def name(kind: Any) -> str:
        return tr("others") if kind is _OTHERS else printable(product(kind) or "")

    def link(period: Period, kind: Any = _OTHERS) -> str:
        return _list(
            product=product(kind),
            state="valid",
            expires_from=period.first,
            expires_until=period.after - timedelta(1),
        )

    whole = Period(board.ahead[0].first, board.ahead[-1].after)
    bars = _bars(board.ahead, kinds, counts, name, link, reader)
    series = [Series(name(kind), link(whole, kind)) for kind in kinds]
    title = tr("Licences expiring in the next 12 months, by product")
    return Picture(bars, series, title, _described(bars, reader))


def _issued(board: Board, reader: Reader, may_look: bool) -> Picture:
    """What was issued in the last months, by act; the audit log is the list behind it."""
    tr = reader.catalogue.gettext
    counts: Counter[tuple[int, Any]] = Counter()
    for one in board.issued:
        counts[one.month, one.kind] += one.number
    months = range(len(board.past))
    kinds = [act.name for act in ISSUED_BY if any(counts[month, act.name] for month in months)]

    def link(period: Period, kind: str | None = None) -> str | None:
        if not may_look or kind is None:
            return None
        days = {"since": period.first, "until": period.after - timedelta(1)}
        return f"/record?{urlencode({'action': ACTS[kind].event, **days})}"

    def name(kind: str) -> str:
        return tr(ACTS[kind].words.counted)

    whole = Period(board.past[0].first, board.past[-1].after)
    bars = _bars(board.past, kinds, counts, name, link, reader)
    series = [Series(name(kind), link(whole, kind)) for kind in kinds]
    title = tr("Licences issued in the last 12 months")
    return Picture(bars, series, title, _described(bars, reader))


def _bars(
    periods: list[Period],
    kinds: list[Any],
    counts: Counter[tuple[int, Any]],
    name: Callable[[Any], str],
    link: Callable[..., str | None],
    reader: Reader,
) -> list[Bar]:
    marks, tr = reader.marks, reader.catalogue.gettext
    bars = []
    for month, period in enumerate(periods):
        parts = [
            Part(
                series,
                counts[month, kind],
                f"{_month(period)}{marks.comma}{name(kind)}{marks.colon}{counts[month, kind]:,}",
                link(period, kind),
            )
            for series, kind in enumerate(kinds, 1)
        ]
        told = f"{_month(period)}{marks.colon}{sum(part.value for part in parts):,}"
        first = period.first
        shown = first.month == 1 or (month == 0 and first.month != 12)  # not two side by side
        below = str(first.year) if shown else ""
        bars.append(Bar(tr(MONTHS[first.month - 1]), below, told, parts, link(period)))
    return bars


def _described(bars: list[Bar], reader: Reader) -> str:
    return reader.catalogue.gettext(
        "One bar per month: %(months)s. The table below has the same figures."
    ) % {"months": reader.marks.semicolon.join(bar.told for bar in bars)}


def _month(period: Period) -> str:
    return f"{period.first:%Y-%m}"


def _list(**given: str | date | None) -> str:
    """The list of licences with these filters."""
    return f"{HOME}?{urlencode({name: value for name, value in given.items() if value})}"
