"""``license-server serve`` and ``upgrade``: the server itself."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING

import click

from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.running import end_in_order

if TYPE_CHECKING:
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
    "--upgrade",
    "first_upgrade",
    is_flag=True,
    help="Upgrade the database first, if it is of an earlier version.",
)
@click.pass_obj
def serve(settings: ServerSettings, host: str, port: int, *, first_upgrade: bool) -> None:
    """Run the server: the desk (web pages) and the API; prints the URL when ready."""
    end_in_order(lambda _: 0, again=True)
    from license_server.app import create_app
    from license_server.http import server
    from license_server.operations import process, settings_events

    process.configure_logs()
    if first_upgrade:
        _upgrade(settings)
    app = create_app(settings)
    database, actor, now = app.state.server.site.database, caller(), int(time.time())
    # Nobody waits for it: a server whose database takes no write can still be read.
    database.writer.submit(lambda c: settings_events.note(c, settings, actor, now))
    listening = server.handed_over(os.environ)
    if listening is None:
        listening = server.listen(host, port)
    else:
        host = listening.getsockname()[0]
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}"
    server.run(app, listening, lambda: say(url), app.state.server.stop)


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
