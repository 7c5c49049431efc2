"""A vendor's server for tests: its application in this process, or a process of its own."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

import structlog
from click.testing import CliRunner
from pydantic import SecretStr

from license_core.publickey import PublicKey
from license_server.access import tokens
from license_server.actor import COMMAND
from license_server.cli import main
from license_server.db.database import Database
from license_server.operations import data_folder, initialise
from license_server.settings import ServerSettings
from tests.support import (
    forked,
    quick_keys,  # noqa: F401  # by itself it sets what keys and passwords cost
    quick_tables,  # noqa: F401  # as it does what a new database costs
    softhsm,
)
from tests.support.forked import Forked
from tests.support.waiting import LONG

structlog.configure(  # as a server's is: by default an error is drawn for seconds
    [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
)
REPOSITORY = forked.REPOSITORY
EMAIL = "admin@example.com"
PASSWORD = "a password of this test"
PASSPHRASE = "a passphrase of this test"
UNLIMITED = 10**9
"""Requests a minute: what measures something else is not held up."""
LINE = '["55917890141cb1c89accc5e53a929acb1867c42c", "studio2_gpu"]'
OTHER_LINE = LINE.replace("5591", "6602")
KEY = "55917890141cb1c89accc5e53a929acb1867c42c"
STARTED = "license_server.__main__"
"""The server, but not forked: by the shell that ``nohup`` left it."""
Process = subprocess.Popen[bytes] | Forked
"""Of a server."""


def settings(data: Path, database: str | None = None, **more: object) -> ServerSettings:
    """The settings of a server in *data*, whatever the environment says."""
    softhsm.environment()  # of this process, where a token is chosen
    given = {"rate": UNLIMITED, "portal": True} | more
    return ServerSettings(data=data, database=database, passphrase=SecretStr(PASSPHRASE), **given)  # type: ignore[arg-type]


def make(data: Path, database: str | None = None, now: int | None = None) -> ServerSettings:
    """Initialise a server in *data*."""
    made = settings(data, database)
    administrator = initialise.Administrator(EMAIL, PASSWORD)
    instant = int(time.time()) if now is None else now
    initialise.make(made, "Example Vendor", administrator, instant, os.urandom)
    return made


PROGRAM = tokens.Grant(
    tokens.PROGRAM.scopes | {"products:write", "requests:read", "requests:write"}
)
"""What a program may do that files and answers requests, for products that nobody has added yet."""


def new_token(database: Database, name: str, now: int = 1, grant: tokens.Grant = PROGRAM) -> str:
    """A bearer token."""
    return database.write(lambda c: tokens.new_token(c, name, COMMAND, now, os.urandom, grant))


def roots(data: Path) -> tuple[PublicKey, ...]:
    """The root keys that a client of this server trusts."""
    return (PublicKey.from_pem((data / "root.pub.pem").read_text("ascii")),)


class Running(NamedTuple):
    """A server process."""

    url: str
    token: str
    data: Path
    root_pub_pem: Path
    admin_email: str
    admin_password: str
    process: Process
    database: str | None = None
    """Its URL; None: SQLite, in *data*."""

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of a program."""
        return {"Authorization": f"Bearer {self.token}"}


def environment(data: Path, database: str | None = None) -> dict[str, str]:
    """The environment variables of a server process."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    more = {"LICENSE_SERVER_DATABASE": database} if database else {}
    return (
        kept
        | more
        | softhsm.environment()
        | {
            "LICENSE_SERVER_DATA": str(data),
            "LICENSE_SERVER_PASSPHRASE": PASSPHRASE,
            "LICENSE_SERVER_ADMIN_PASSWORD": PASSWORD,
            "LICENSE_SERVER_RATE": str(UNLIMITED),
            "LICENSE_SERVER_PORTAL": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    )


def command(
    *arguments: str, env: dict[str, str], **more: object
) -> subprocess.CompletedProcess[str]:
    """Run ``license-server`` as a process."""
    if not more:
        return forked.shared().run(*arguments, env=env)
    line = [sys.executable, "-m", "license_server", *arguments]
    if "input" not in more:
        more = {"stdin": subprocess.DEVNULL} | more  # nobody is there to be asked
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        line, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, **more
    )


def at_once(*arguments: str, env: Mapping[str, str | None]) -> subprocess.CompletedProcess[str]:
    """Run ``license-server`` in this process: the same words in and out, without a new interpreter.

    Not for what asks at a terminal, nor for what is killed. What serves has a process of its own:
    it says how that process logs, for as long as that lives.
    """
    given: dict[str, str | None] = {n: None for n in os.environ if n.startswith("LICENSE_")}
    given |= env
    if "serve" in arguments:
        whole = {**os.environ, **given}
        return command(*arguments, env={n: v for n, v in whole.items() if v is not None})
    os.umask(before := os.umask(0o077))
    try:
        with CliRunner().isolation(env=given) as streams:
            code = main.main(arguments)
            out, err = (stream.getvalue().decode() for stream in streams[:2])
    finally:
        os.umask(before)  # a command that narrows it ends with its process
    return subprocess.CompletedProcess(arguments, code, out, err)


def until(process: Process, is_so: Callable[[], bool]) -> None:
    """Wait until that is so, while *process* has the processor most of the time."""
    while not is_so():
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(0.01)
            assert is_so(), f"it has ended with {code}"


@contextmanager
def running_server(
    folder: Path, database: str | None = None, module: str = "license_server", **more: str
) -> Iterator[Running]:
    """A server process on a free port of loopback, with its data in *folder*/server.

    *more*: as ``serving``.
    """
    data = folder / "server"
    made = make(data, database)
    opened = data_folder.open_database(made)
    token = new_token(opened, "test")
    opened.close()
    with serving(data, database, module, **more) as (url, process):
        yield Running(url, token, data, made.root_pub_pem, EMAIL, PASSWORD, process, database)


@contextmanager
def serving(
    data: Path,
    database: str | None = None,
    module: str = "license_server",
    options: Sequence[str] = (),
    **more: str,
) -> Iterator[tuple[str, Process]]:
    """Serve the server that is in *data* already; its log is in *data*/../server.log.

    *options* are its own, *more* variables of its environment. What Python or the loader of
    programs would read there needs an interpreter of its own, as does what looks at how it was
    started: STARTED.
    """
    env = environment(data, database) | more
    with (
        (data.parent / "server.log").open("ab") as log,
        _started(module, env, log, options) as process,
    ):
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], LONG)
            url = process.stdout.readline().decode().strip() if ready else ""
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url), (
                data.parent / "server.log"
            ).read_text()
            yield url, process
        finally:
            process.kill()


def _started(module: str, env: dict[str, str], log: IO[bytes], options: Sequence[str]) -> Process:
    arguments = ("serve", "--port", "0", *options)
    if module != STARTED and not env.keys() & {"PYTHONPATH", "LD_PRELOAD"}:
        return forked.shared().start(*arguments, env=env, stderr=log, module=module)
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=env,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
    )
