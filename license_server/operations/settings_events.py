"""The settings in the audit log: what a server was started with, and what differs from before.

A setting is a variable of the environment, so nothing here sees it change: a process that starts
tells what it found. Secrets are not told, nor where they are changed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from license_core import strictjson
from license_server.actor import Actor
from license_server.audit import audit_store, changes, events
from license_server.audit.audit_store import EventFilter
from license_server.settings import ServerSettings

SUBJECT = "settings"
_SECRETS = frozenset({"passphrase", "admin_password", "admin_password_file"})


def note(connection: Connection, settings: ServerSettings, actor: Actor, now: int) -> None:
    """Write down the *settings* that *actor* started a process with at *now*, if others were."""
    defaults = _told({name: one.default for name, one in ServerSettings.model_fields.items()})
    present = _told({name: getattr(settings, name) for name in ServerSettings.model_fields})
    changed = changes.between(defaults | _last(connection), present)
    if not changed:
        return
    chosen = {name: value for name, value in present.items() if value != defaults[name]}
    events.record(
        connection, now, actor, "settings.changed", SUBJECT, changed=changed, settings=chosen
    )


def _last(connection: Connection) -> dict[str, Any]:
    """The settings that are not the default, as they were told last."""
    wanted = EventFilter(subject=SUBJECT, action="settings.changed")
    found = audit_store.events(connection, wanted, before=None, limit=1)
    told = strictjson.loads(found[0].details.encode("utf-8")).get("settings") if found else None
    return told if isinstance(told, dict) else {}


def _told(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as an event may hold them: without secrets."""
    shown = {name: _plain(value) for name, value in settings.items() if name not in _SECRETS}
    for name, hide in (("database", _without_password), ("signer", _without_pin)):
        if isinstance(shown[name], str):
            shown[name] = hide(shown[name])
    return shown


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str | dict):
        return value
    if isinstance(value, frozenset):  # which has an order of its own in each process
        return sorted(value)
    return str(value) if isinstance(value, Path) else [str(one) for one in value]


def _without_password(url: str) -> str:
    """A database's URL as people may see it."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return url.partition(":")[0]


def _without_pin(uri: str) -> str:
    """A signer's URI without its query, which may hold a PIN."""
    return uri.partition("?")[0]
