"""A vendor's server for tests: its application in this process, or a process of its own."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from argon2 import PasswordHasher
from click.testing import CliRunner
from pydantic import SecretStr

from license_core.publickey import PublicKey
from license_server.access import passwords, tokens
from license_server.actor import COMMAND
from license_server.cli import main
from license_server.db.database import Database
from license_server.operations import data_folder, initialise
from license_server.settings import ServerSettings
from license_server.signing.signers import pkcs8
from tests.support import softhsm

pkcs8.COST = pkcs8.Cost(2**10, 8, 1)  # keys that tests make are opened all the time
passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # as are passwords
REPOSITORY = Path(__file__).resolve().parents[2]
EMAIL = "admin@example.com"
PASSWORD = "a password of this test"
PASSPHRASE = "a passphrase of this test"
UNLIMITED = 10**9
"""Requests a minute: what measures something else is not held up."""
LINE = '["55917890141cb1c89accc5e53a929acb1867c42c", "studio2_gpu"]'
OTHER_LINE = LINE.replace("5591", "6602")
KEY = "55917890141cb1c89accc5e53a929acb1867c42c"


def settings(data: Path, database: str | None = None, **more: object) -> ServerSettings:
    """The settings of a server in *data*, whatever the environment says."""
    softhsm.environment()  # of this process, where a token is chosen
    given = {"rate": UNLIMITED} | more
    return ServerSettings(data=data, database=database, passphrase=SecretStr(PASSPHRASE), **given)  # type: ignore[arg-type]


def make(data: Path, database: str | None = None, now: int | None = None) -> ServerSettings:
    """Initialise a server in *data*."""
    made = settings(data, database)
    administrator = initialise.Administrator(EMAIL, PASSWORD)
    instant = int(time.time()) if now is None else now
    initialise.make(made, "Example Vendor", administrator, instant, os.urandom)
    return made


def new_token(
    database: Database, name: str, now: int = 1, grant: tokens.Grant = tokens.PROGRAM
) -> str:
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
    process: subprocess.Popen[bytes]

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
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    )


def command(
    *arguments: str, env: dict[str, str], **more: object
) -> subprocess.CompletedProcess[str]:
    """Run ``license-server`` as a process."""
    line = [sys.executable, "-m", "license_server", *arguments]
    if "input" not in more:
        more = {"stdin": subprocess.DEVNULL} | more  # nobody is there to be asked
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        line, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, **more
    )


def at_once(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``license-server`` in this process: the same words in and out, without a new interpreter.

    Not for what asks at a terminal, nor for what is killed.
    """
    given: dict[str, str | None] = {n: None for n in os.environ if n.startswith("LICENSE_")}
    os.umask(before := os.umask(0o077))
    try:
        with CliRunner().isolation(env=given | env) as streams:
            code = main.main(arguments)
            out, err = (stream.getvalue().decode() for stream in streams[:2])
    finally:
        os.umask(before)  # a command that narrows it ends with its process
    return subprocess.CompletedProcess(arguments, code, out, err)


@contextmanager
def running_server(
    folder: Path, database: str | None = None, module: str = "license_server"
) -> Iterator[Running]:
    """A server process on a free port of loopback, with its data in *folder*/server."""
    data = folder / "server"
    made = make(data, database)
    opened = data_folder.open_database(made)
    token = new_token(opened, "test")
    opened.close()
    with serving(data, database, module) as (url, process):
        yield Running(url, token, data, made.root_pub_pem, EMAIL, PASSWORD, process)


@contextmanager
def serving(
    data: Path,
    database: str | None = None,
    module: str = "license_server",
    **more: str,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve the server that is in *data* already; its log is in *data*/../server.log.

    *more* are variables of its environment.
    """
    line = [sys.executable, "-m", module, "serve", "--port", "0"]
    with (
        (data.parent / "server.log").open("ab") as log,
        subprocess.Popen(
            line,
            env=environment(data, database) | more,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], 60)
            url = process.stdout.readline().decode().strip() if ready else ""
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url), (
                data.parent / "server.log"
            ).read_text()
            yield url, process
        finally:
            process.kill()
