"""``license-server serve`` and ``upgrade``: the server itself."""

from __future__ import annotations

import os
import secrets
import time
from importlib import import_module
from typing import TYPE_CHECKING

import click

from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.running import end_in_order
from license_server.db.errors import InputInvalidError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from fastapi import FastAPI

    from license_server.settings import ServerSettings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port; 0 picks a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes answer; more than one needs PostgreSQL.",
)
@click.option(
    "--upgrade",
    "first_upgrade",
    is_flag=True,
    help="Upgrade the database first, if it is of an earlier version.",
)
@click.pass_obj
def serve(
    settings: ServerSettings, host: str, port: int, workers: int, *, first_upgrade: bool
) -> None:
    """Run the server: the desk (web pages) and the API; prints the URL when ready."""
    end_in_order(lambda _: 0, again=True)
    from license_server.http import server
    from license_server.operations import process

    if workers > 1 and settings.database is None:
        reason = (
            "SQLite is for one process; several need PostgreSQL (docs/HOWTO.md says how to move "
            "there): leave --workers out"
        )
        raise InputInvalidError(field="--workers", reason=reason)
    process.configure_logs(workers == 1)
    if first_upgrade:
        _upgrade(settings)
    if workers == 1:
        app = _application(settings)
    listening = server.handed_over(os.environ)
    if listening is None:
        listening = server.listen(host, port)
    else:
        host = listening.getsockname()[0]
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}"
    if workers == 1:
        server.run(app, listening, lambda: say(url), app.state.server.stop)
    else:
        _serve_in(workers, settings, listening, lambda: say(url))


def _application(settings: ServerSettings) -> FastAPI:
    """The application, which notes once it runs what was set otherwise before."""
    from license_server.app import create_app
    from license_server.operations import settings_events

    app = create_app(settings)
    database, actor, now = app.state.server.site.database, caller(), int(time.time())
    # Nobody waits for it: a server whose database takes no write can still be read.
    database.writer.submit(lambda c: settings_events.note(c, settings, actor, now))
    return app


def _serve_in(
    workers: int, settings: ServerSettings, listening: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve in so many *workers*, which this process watches."""
    from license_server.http import server, shared_counts
    from license_server.http.workers import Supervisor
    from license_server.operations import process

    # Once for all of them: what is loaded, and a passphrase that is typed.
    import_module("license_server.app")
    settings.read_passphrase("signing key")
    process.settle_garbage()
    with shared_counts.counting_together():
        lifeline = Supervisor(workers, listening, ready, shared_counts.ended).run()
        process.configure_logs()
        app = _application(settings)
        server.run(app, listening, lifeline.ready, app.state.server.stop)


@click.command()
@click.pass_obj
def upgrade(settings: ServerSettings) -> None:
    """Upgrade the database to this version of the server."""
    _upgrade(settings)
    say("The database is up to date.")


def _upgrade(settings: ServerSettings) -> None:
    from license_server.operations import data_folder, schema

    database = data_folder.open_any_database(settings)
    try:
        data_folder.ensure_record_key(settings, secrets.token_bytes)
        data_folder.ensure_seeds_key(settings, secrets.token_bytes)
        database.write(lambda c: schema.upgrade(c, int(time.time()), actor=caller()))
    finally:
        database.close()
