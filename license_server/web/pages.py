"""What a page looks like: templates, static files, and values as words for its reader."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import jinja2
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from license_core.errors import LicenseError, NotFoundError, Notice
from license_core.reason import say
from license_core.wording import printable, utc
from license_server.http.problem_types import status_of
from license_server.http.state import state_of
from license_server.licenses.acts import ACTS, BY_EVENT
from license_server.web import counts, edit_conflicts, event_labels, menu
from license_server.web.edit_conflicts import Faults
from license_server.web.reader import (
    LANGUAGES,
    Reader,
    catalogue,
)

_STATIC = {
    "desk.css": "text/css; charset=utf-8",
    "desk.js": "text/javascript; charset=utf-8",
    "seal.svg": "image/svg+xml",
}
_SECRETS = frozenset({"secret", "code", "state"})
"""What an invitation and an OpenID Connect provider give in an address."""
_NUMBER = re.compile(r"\bHS-[0-9]{4}-[0-9A-Z]{8}\b")
_CODE = re.compile(r"`+([^`]+)`+")
_FOLDER = files("license_server.web")


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
    install = environment.install_gettext_translations  # type: ignore[attr-defined]
    install(catalogue(language), newstyle=True)
    environment.globals |= {"acts": ACTS, "acts_by_event": BY_EVENT}
    environment.filters |= {
        "actor": _actor,
        "action": _action,
        "mark": event_labels.mark,
        "utc": utc,
        "when": _when,
        "day": _day,
        "days": _days,
        "days_from_now": _days_from_now,
        "local": _local,
        "printable": printable,
        "title_of": _title,
        "sentence": _sentence,
        "remedy": _remedy,
        "said": _said,
        "ended": _ended,
        "linked": _linked,
        "coded": _coded,
        "query": _query,
    }
    return environment


def page(request: Request, name: str, /, status: int = 200, **values: Any) -> HTMLResponse:
    """The page *name* with *values*; who is signed in is shown where the request knows it."""
    site = state_of(request).site
    session = getattr(request.state, "session", None)
    permissions = session.actor.permissions if session is not None else frozenset()
    reader = Reader.of(request, site.settings.time_zone)
    common = {
        "session": session,
        "permissions": permissions,
        "may_issue": "licenses:issue" in permissions,
        "menu": menu.of(permissions, request.url.path),
        "vendor": site.issuer.name,
        "path": request.url.path,
        "here": _here(request, signed_in=session is not None),
        "now": site.clock(),
        "reader": reader,
        "languages": LANGUAGES,
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


def words(name: str, language: str, values: Mapping[str, Any]) -> str:
    """The text of the template *name* in *language*, for somebody who is not at the desk."""
    reader = Reader(language, "UTC", "auto")
    return _templates(language).get_template(name).render({**values, "reader": reader})


def refusal(request: Request, error: LicenseError, request_id: str) -> HTMLResponse:
    """The page of a problem."""
    return page(
        request, "problem", status_of(error), row=error.row, error=error, request_id=request_id
    )


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
    there = reader.at(instant)
    zone = " UTC" if there.tzinfo is UTC else ""  # not the reader's, which would be a ZoneInfo
    return Markup('<time datetime="{}">{}{}</time>').format(  # all are escaped
        datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        there.strftime("%Y-%m-%d %H:%M"),
        zone,
    )


@jinja2.pass_context
def _day(context: Context, instant: int | None) -> str:
    """The last day before an instant, where the reader is; a licence ends with that day."""
    if instant is None:
        return str(_translate(context)("perpetual"))
    reader: Reader = context["reader"]
    return reader.at(instant - 1).date().isoformat()


@jinja2.pass_context
def _days(context: Context, count: int) -> str:
    """*1 day*, *2 days*."""
    reader: Reader = context["reader"]
    return counts.days(count, reader.catalogue)


@jinja2.pass_context
def _days_from_now(context: Context, end: int, zone: str) -> str:
    """When the last day before *end* is in the time zone *zone*: *today*, *in 2 days*."""
    reader: Reader = context["reader"]
    count = counts.days_until(end, context["now"], ZoneInfo(zone))
    return counts.days_from_now(count, reader.catalogue)


@jinja2.pass_context
def _local(context: Context, instant: int, zone: str) -> str:
    """An instant in the time zone *zone*."""
    reader: Reader = context["reader"]._replace(zone=zone)
    return reader.at(instant).strftime("%Y-%m-%d %H:%M")


@jinja2.pass_context
def _actor(context: Context, actor: str) -> str:
    """Who it was, for people: ``user:`` is left out, ``token:ci`` is a program's."""
    kind, _, name = actor.partition(":")
    tr = _translate(context)
    if kind == "token":
        return printable(tr("API token %(name)s") % {"name": name})
    if kind == "command":
        return str(tr("the command line"))
    return printable(name if kind == "user" else actor)


@jinja2.pass_context
def _action(context: Context, action: str) -> str:
    """What was done, for people: ``license.issued`` is *licence issued*."""
    return printable(_translate(context)(event_labels.words(action)))


@jinja2.pass_context
def _title(context: Context, error: LicenseError) -> str:
    """The title of a problem."""
    return str(_translate(context)(error.row.title))


@jinja2.pass_context
def _sentence(context: Context, told: LicenseError | Notice) -> str:
    """What a problem or a notice says."""
    return told.say(_translate(context))


@jinja2.pass_context
def _remedy(context: Context, told: LicenseError | Notice) -> str:
    """What to do about it."""
    return told.remedy(translate=_translate(context)).replace("`", "")


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


def _translate(context: Context) -> Any:
    reader: Reader = context["reader"]
    return reader.catalogue.gettext


def _query(given: Mapping[str, Any], **changed: Any) -> str:
    """The query of *given* with what is *changed*; None leaves a parameter out."""
    kept = {name: value for name, value in {**given, **changed}.items() if value}
    return f"?{urlencode(kept)}" if kept else ""
