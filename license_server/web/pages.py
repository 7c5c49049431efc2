"""What a page looks like: templates, static files, and values as words for its reader."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import jinja2
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from license_core.errors import LicenseError, NotFoundError, Notice
from license_core.reason import say
from license_core.wording import DEFAULT_SERVER, printable, utc
from license_server.http.problem_types import status_of
from license_server.http.state import state_of
from license_server.licenses.acts import ACTS, BY_EVENT
from license_server.licenses.term_days import Day
from license_server.web import (
    actor_labels,
    change_labels,
    counts,
    edit_conflicts,
    event_labels,
    kept_forms,
    menu,
)
from license_server.web.edit_conflicts import Faults
from license_server.web.reader import (
    LANGUAGES,
    Reader,
    catalogue,
)
from license_server.web.session import on_one_line

_STATIC = {
    "desk.css": "text/css; charset=utf-8",
    "desk.js": "text/javascript; charset=utf-8",
    "seal.svg": "image/svg+xml",
}
_SECRETS = frozenset({"secret", "code", "state"})
"""What an invitation and an OpenID Connect provider give in an address."""
_NUMBER = re.compile(r"\bHS-[0-9]{4}-[0-9A-Z]{8}\b")
_CODE = re.compile(r"`+([^`]+)`+")
_PLACEHOLDER = re.compile(r"(?<![\w-])[A-Z]{2,}(?![\w-])")
_FOLDER = files("license_server.web")
_LONGEST_SOUGHT = 200
_WORDS = 4096
"""So many texts of pages are kept as they are said, of each language."""
FIND = "/find"
"""Where the box leads that finds anything."""


@cache
def _templates(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("license_server.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    translations = catalogue(language)
    install = environment.install_gettext_translations  # type: ignore[attr-defined]
    install(translations, newstyle=True)
    environment.globals |= dict.fromkeys(("_", "gettext"), _gettext(translations.gettext))
    environment.globals |= {"acts": ACTS, "acts_by_event": BY_EVENT}
    environment.filters |= {
        "actor": _actor,
        "action": _action,
        "mark": event_labels.mark,
        "kind": _kind,
        "field": _field,
        "held": _held,
        "utc": utc,
        "when": _when,
        "date": _date,
        "elsewhere": _elsewhere,
        "days": _days,
        "days_from_now": _days_from_now,
        "local": _local,
        "printable": printable,
        "title_of": _title,
        "sentence": _sentence,
        "remedy": _remedy,
        "commands": _commands,
        "said": _said,
        "ended": _ended,
        "linked": _linked,
        "coded": _coded,
        "in_text": _in_text,
        "query": _query,
    }
    return environment


def _gettext(translate: Callable[[str], str]) -> Callable[..., Markup]:
    """As the extension has it, which looks the same words up in each row of a table.

    Words with nothing to fill in are looked up once.
    """

    @lru_cache(_WORDS)
    def said(text: str) -> Markup:
        return Markup(translate(text)) % {}  # noqa: S704  # a text of the catalogue

    def gettext(text: str, /, **variables: Any) -> Markup:
        if not variables:
            return said(text)
        return Markup(translate(text)) % variables  # noqa: S704  # a text of the catalogue

    return gettext


def page(request: Request, name: str, /, status: int = 200, **values: Any) -> HTMLResponse:
    """The page *name* with *values*; who is signed in is shown where the request knows it."""
    site = state_of(request).site
    session = getattr(request.state, "session", None)
    permissions = session.actor.permissions if session is not None else frozenset()
    reader = Reader.of(request, site.settings.time_zone)
    cookies, now = state_of(request).seeds.cookies, site.clock()
    kept = kept_forms.of(request)
    if kept:  # also what tells which state of it was seen
        values |= {"fields": kept} | ({"etag": kept["etag"]} if "etag" in kept else {})
        values["faults"] = {}
    common = {
        "session": session,
        "permissions": permissions,
        "may_issue": "licenses:issue" in permissions,
        "menu": menu.of(permissions, request.url.path),
        "vendor": site.issuer.name,
        "path": request.url.path,
        "here": _here(request, signed_in=session is not None),
        "sought": sought(request),
        "now": now,
        "typed_by": kept_forms.seal(session, cookies, now) if session else "",
        "restored": bool(kept),
        "reader": reader,
        "languages": LANGUAGES,
        "fields": {},
        "faults": {},
    }
    template = _templates(reader.language).get_template(f"{name}.html")
    return HTMLResponse(template.render(common | values), status)


def form(
    request: Request, name: str, fields: Mapping[str, str], faults: Faults, **values: Any
) -> HTMLResponse:
    """The page *name* of a form, with what was typed and what is wrong with it."""
    status = edit_conflicts.status(faults)
    return page(request, name, status, fields=fields, faults=faults, **values)


def _here(request: Request, *, signed_in: bool) -> str:
    """Where a link leads back to. To a stranger no address is said again: it may hold a secret."""
    if request.method != "GET":
        return "/"
    told = request.url.query and signed_in and _SECRETS.isdisjoint(request.query_params)
    return f"{request.url.path}?{request.url.query}" if told else request.url.path


def sought(request: Request) -> str:
    """What was typed into the box that finds anything; nothing where that is not what is asked."""
    if request.url.path != FIND:
        return ""
    return on_one_line(request.query_params.get("q", "")[:_LONGEST_SOUGHT])


def refusal(request: Request, error: LicenseError, request_id: str) -> HTMLResponse:
    """The page of a problem. It has no form, so that nothing that was typed is there again."""
    told = {"row": error.row, "error": error, "request_id": request_id, "restored": False}
    return page(request, "problem", status_of(error), **told)


def static(name: str) -> Response:
    """A style sheet, script or picture. Raises NotFoundError."""
    if name not in _STATIC:
        raise NotFoundError(what="file", name=name)
    return Response(
        _read_static(name), media_type=_STATIC[name], headers={"Cache-Control": "max-age=3600"}
    )


@cache
def _read_static(name: str) -> bytes:
    return (_FOLDER / "static" / name).read_bytes()


# Filters. Those that speak take the reader and the catalogue from the page.


@jinja2.pass_context
def _when(context: Context, instant: int | None) -> str:
    """An instant in the reader's time zone, which the page names."""
    if instant is None:
        return str(_translate(context)("never"))
    reader: Reader = context["reader"]
    return Markup('<time datetime="{}">{}</time>').format(  # all are escaped
        datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), reader.when(instant)
    )


@jinja2.pass_context
def _date(context: Context, instant: int) -> str:
    """The day of an instant, where the reader is."""
    reader: Reader = context["reader"]
    return reader.at(instant).date().isoformat()


@jinja2.pass_context
def _elsewhere(context: Context, last: Day) -> str:
    """When the *last* day is over where the reader is; nothing where it is over there as well."""
    reader: Reader = context["reader"]
    there = reader.at(last.instant)
    ends_as_well = last.day == (there - timedelta(seconds=1)).date() and there.time() == time()
    return "" if ends_as_well else there.strftime("%Y-%m-%d %H:%M")


@jinja2.pass_context
def _days(context: Context, count: int) -> str:
    """*1 day*, *2 days*."""
    reader: Reader = context["reader"]
    return counts.days(count, reader.catalogue)


@jinja2.pass_context
def _days_from_now(context: Context, last: Day) -> str:
    """When the *last* day is, in its own time zone: *today*, *in 2 days*."""
    reader: Reader = context["reader"]
    count = counts.days_until(last, context["now"])
    return counts.days_from_now(count, reader.catalogue)


@jinja2.pass_context
def _local(context: Context, instant: int, zone: str) -> str:
    """An instant in the time zone *zone*."""
    reader: Reader = context["reader"]._replace(zone=zone)
    return reader.at(instant).strftime("%Y-%m-%d %H:%M")


@jinja2.pass_context
def _actor(context: Context, actor: str) -> str:
    """Who it was, for people: ``user:`` is left out, ``token:ci`` is a program's."""
    return actor_labels.words(actor, _translate(context))


@jinja2.pass_context
def _action(context: Context, action: str) -> str:
    """What was done, for people: ``license.issued`` is *licence issued*."""
    return printable(_translate(context)(event_labels.words(action)))


@jinja2.pass_context
def _kind(context: Context, kind: str) -> str:
    """All events of a kind, for people."""
    return str(_translate(context)(event_labels.KINDS[kind]))


@jinja2.pass_context
def _field(context: Context, name: str) -> str:
    """A field that an act changed, for people; one that has no words has its name."""
    return change_labels.field(name, _translate(context))


@jinja2.pass_context
def _held(context: Context, value: Any) -> str:
    """What a field held, for people."""
    return change_labels.held(value, _translate(context))


@jinja2.pass_context
def _title(context: Context, error: LicenseError) -> str:
    """The title of a problem."""
    return str(_translate(context)(error.row.title))


@jinja2.pass_context
def _sentence(context: Context, told: LicenseError | Notice) -> str:
    """What a problem or a notice says."""
    return told.say(_translate(context))


@jinja2.pass_context
def _remedy(context: Context, told: LicenseError | Notice) -> Markup:
    """What to do about it, with its commands as code."""
    return _coded(told.remedy(translate=_translate(context)))


def _commands(told: LicenseError | Notice) -> tuple[str, ...]:
    """The commands in its remedy that an operator can paste as they are.

    Not options and names alone, nor what has a placeholder; the server's own are buttons here.
    """
    found = dict.fromkeys(_CODE.findall(told.remedy()))
    return tuple(
        code
        for code in found
        if " " in code
        and not code.startswith(("-", DEFAULT_SERVER))
        and not _PLACEHOLDER.search(code)
    )


@jinja2.pass_context
def _said(context: Context, text: str) -> str:
    """A text of the program, such as a reason, in the reader's language."""
    return printable(say(text, _translate(context))).replace("`", "")


@jinja2.pass_context
def _ended(context: Context, sentence: str) -> str:
    """A sentence with a mark at its end."""
    reader: Reader = context["reader"]
    return sentence if sentence.endswith(tuple(".?!…。？！")) else sentence + reader.marks.stop


def _linked(text: str) -> Markup:
    """*text*, in which the number of a licence leads to it."""
    told = str(escape(text))
    return Markup(_NUMBER.sub(r'<a href="/licenses/\g<0>">\g<0></a>', told))  # noqa: S704  # it is escaped


def _coded(text: str) -> Markup:
    """*text*, in which what stands in backquotes is code."""
    told = str(escape(text))
    return Markup(_CODE.sub(r"<code>\1</code>", told))  # noqa: S704  # it is escaped


def _in_text(text: str) -> Markup:
    """*text* between tags, where quotes stand for themselves: a long page is shorter for it."""
    told = str(escape(text)).replace("&#34;", '"').replace("&#39;", "'")
    return Markup(told)  # noqa: S704  # it is escaped


def _translate(context: Context) -> Any:
    reader: Reader = context["reader"]
    return reader.catalogue.gettext


def _query(given: Mapping[str, Any], **changed: Any) -> str:
    """The query of *given* with what is *changed*; None leaves a parameter out."""
    kept = {name: value for name, value in {**given, **changed}.items() if value}
    return f"?{urlencode(kept)}" if kept else ""
