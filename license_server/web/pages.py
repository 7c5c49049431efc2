"""What a page looks like: templates, static files, and instants as words."""

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from license_core.errors import LicenseError, NotFoundError, printable, utc
from license_server.site import Site

_STATIC = {"desk.css": "text/css; charset=utf-8", "seal.svg": "image/svg+xml"}
_FOLDER = files("license_server.web")


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("license_server.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"actor": _actor, "action": _action} | {
        "utc": utc,
        "day": _day,
        "local": _local,
        "printable": printable,
    }
    return environment


def page(request: Request, name: str, /, status: int = 200, **values: Any) -> HTMLResponse:
    """The page *name* with *values*; who is signed in is shown where the request knows it."""
    site: Site = request.app.state.site
    session = getattr(request.state, "session", None)
    common = {
        "session": session,
        "may_issue": session is not None and "licenses:issue" in session.actor.permissions,
        "vendor": site.issuer.name,
        "path": request.url.path,
        "now": site.clock(),
    }
    text = _templates().get_template(f"{name}.html").render(common | values)
    return HTMLResponse(text, status)


def refusal(request: Request, error: LicenseError, request_id: str) -> HTMLResponse:
    """The page of a problem."""
    return page(
        request, "problem", error.row.status, row=error.row, error=error, request_id=request_id
    )


def static(name: str) -> Response:
    """A style sheet or picture. Raises NotFoundError."""
    if name not in _STATIC:
        raise NotFoundError(what="file", name=name)
    return Response(
        _read_static(name), media_type=_STATIC[name], headers={"Cache-Control": "max-age=3600"}
    )


@cache
def _read_static(name: str) -> bytes:
    return (_FOLDER / "static" / name).read_bytes()


def _day(instant: int | None) -> str:
    """The last day before an instant, in UTC; a licence ends with that day."""
    if instant is None:
        return "never"
    return (datetime.fromtimestamp(instant, UTC) - timedelta(seconds=1)).date().isoformat()


def _actor(actor: str) -> str:
    """Who it was, for people: ``user:`` is left out, ``token:ci`` is a program's."""
    kind, _, name = actor.partition(":")
    words = {"user": name, "token": f"the token {name}", "command": "the command line"}
    return printable(words.get(kind, actor))


def _action(action: str) -> str:
    """What was done, for people: ``license.issued`` is *issued*."""
    return action.partition(".")[2].replace("-", " ") or action


def _local(instant: int, zone: str) -> str:
    return datetime.fromtimestamp(instant, UTC if zone == "UTC" else ZoneInfo(zone)).strftime(
        "%Y-%m-%d %H:%M"
    )
