"""The operator's side for tests: a host, conf/ and keys/, and a vendor in memory."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from license_cli import app
from license_core import (
    armor,
    b64url,
    hostkey,
    jws,
)
from license_core.facts import HostFacts
from license_core.keyset import Keyset, SigningKey
from license_core.license import HostBinding, License
from license_core.probe import read_facts
from license_core.problems import PROBLEMS
from license_core.revocation import Revocations
from license_core.signer import MemorySigner
from tests.support import hosts, pythons

REPOSITORY = Path(__file__).resolve().parents[2]
CLI = REPOSITORY / "cmd" / "cli.py"
OTHER = os.environ.get("HOSTSEAL_TEST_PYTHON", "")
"""The version of the Python that commands of the client are given to; by default this one."""
OTHER_PYTHON = pythons.named_python(OTHER) if OTHER else ""
NATIVE = os.path.abspath(os.environ["HOSTSEAL_CLI"]) if os.environ.get("HOSTSEAL_CLI") else ""
"""The client without Python, where the tests are for it. It is at this machine's time; the one that
takes an instant from a test stands beside it, and is built by ``make test-native``."""
PROGRAM = (NATIVE,) if NATIVE else (sys.executable, str(CLI))
"""How the client is started, at this machine's time."""
_AT_AN_INSTANT = """
import sys
now, home, *arguments = sys.argv[1:]
sys.argv = ["cmd/cli.py"]
from license_cli import app
code = app.main(arguments, int(now), home)
sys.stderr.flush()
sys.exit(code)
"""
ELSEWHERE = frozenset({"doctor"})
"""Commands that the client without Python has not got: there the other one is called."""
DAY = 86400
NOW = 1_800_000_000  # 2027-01-15T08:00:00Z
NUMBER = "HS-2027-0000TEST"


def code(slug: str) -> int:
    """The exit code of a problem."""
    return next(row.exit_code for row in PROBLEMS.values() if row.slug == slug)


class Done(NamedTuple):
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    def json(self) -> Any:
        """The answer of a command with ``--json``."""
        return json.loads(self.out)

    def slugs(self) -> list[str]:
        """The problems of an answer in JSON, the primary one first."""
        return [problem["slug"] for problem in self.json()["problems"]]

    def notices(self) -> list[str]:
        """The notices of an answer in JSON."""
        return [notice["slug"] for notice in self.json()["notices"]]


class World:
    """A vendor whose root key a product trusts, and a container that the product runs in."""

    def __init__(self, folder: Path, now: int = NOW) -> None:
        self.now = now
        self.folder = folder
        self.conf, self.keys = folder / "conf", folder / "keys"
        self.host = hosts.container(folder / "host")
        self.root, self.signing = new_signer(), new_signer()
        for made in (self.conf, self.keys):
            made.mkdir(parents=True)
        (self.keys / "root.pub.pem").write_text(self.root.public_key.to_pem(), "ascii")
        (self.conf / "hostseal.toml").write_text('product = "darwin"\n', "ascii")

    @property
    def license(self) -> Path:
        """Where the licence is installed."""
        return self.conf / "license.dat"

    def facts(self) -> HostFacts:
        """The host, as the client sees it."""
        return read_facts(str(self.host), {})

    # The vendor

    def keyset(self, root: MemorySigner | None = None, **changes: Any) -> str:
        """A keyset with the signing key; *changes* are of its entry, but ``end`` is its own."""
        end = changes.pop("end", None)
        key = SigningKey(self.signing.public_key, self.now - DAY, self.now + 3650 * DAY)._replace(
            **changes
        )
        return Keyset("Example Vendor", 3, self.now - DAY, (key,), end).sign(root or self.root)

    def claims(self, *, tags: bool = True, match: str = "exact", **changes: Any) -> License:
        """A licence for this host that holds for a year from now on."""
        facts = self.facts()
        key = hostkey.derive(facts)
        binding = HostBinding(
            key.key, key.hostname, match=match, tags=hostkey.tags(facts) if tags else None
        )
        made = License(
            iss="Example Vendor",
            sub="ACME",
            aud="darwin",
            jti=NUMBER,
            iat=self.now,
            nbf=self.now,
            exp=self.now + 365 * DAY,
            host=binding,
            features=("export",),
            limits={"gpus": 4},
        )
        return made._replace(**changes)

    def file(self, license_: License | None = None, keyset: str | None = None) -> bytes:
        """A licence file."""
        return self.seal((license_ or self.claims()).payload(), keyset)

    def seal(self, payload: bytes, keyset: str | None = None) -> bytes:
        """A licence file with any *payload*, signed."""
        token = jws.sign(payload, self.signing, jws.LICENSE)
        return self.wrap(token, keyset or self.keyset())

    @staticmethod
    def wrap(token: str, keyset: str) -> bytes:
        """A licence file of these tokens."""
        blocks = armor.wrap(armor.LICENSE, token) + armor.wrap(armor.KEYSET, keyset)
        return f"For people: this is what nobody signed.\n{blocks}".encode()

    def revocations(self, *numbers: str, signer: MemorySigner | None = None) -> bytes:
        """A list of revoked licences."""
        listed = Revocations.of(numbers, iss="Example Vendor", number=1, iat=self.now)
        return armor.wrap(armor.REVOCATIONS, listed.sign(signer or self.signing)).encode()

    # The operator

    def write(self, data: bytes, name: str = "mailed.dat") -> str:
        """Write a file as received by mail; its path."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def put(self, data: bytes | None = None) -> None:
        """Put a licence in place without the client."""
        self.license.write_bytes(self.file() if data is None else data)

    def options(self) -> list[str]:
        """The client's folder options for this world."""
        return ["--conf", str(self.conf), "--keys", str(self.keys), "--root", str(self.host)]

    def run(
        self,
        *arguments: str,
        now: int | None = None,
        stdin: bytes = b"",
        env: dict[str, str] | None = None,
        home: Path | None = None,
    ) -> Done:
        """One command in this process, at the instant *now*: by default a day later.

        The product's folder is *home*: by default this one, so that no remedy has to name it.
        """
        if NATIVE and not ELSEWHERE.intersection(arguments):
            at = {"HOSTSEAL_TEST_NOW": str(now or self.now + DAY)}
            at["HOSTSEAL_TEST_HOME"] = str(home or self.folder)
            path = {"PATH": os.path.dirname(sys.executable)}
            line = [f"{NATIVE}-edges", *self.options(), *arguments]
            return _done(line, os.environ | path | at | (env or {}), stdin)
        if OTHER_PYTHON:
            given = [str(now or self.now + DAY), str(home or self.folder)]
            return _elsewhere([*given, *self.options(), *arguments], stdin, env or {})
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        source = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        with (
            # `python` is this interpreter, as in a product's container
            patch.dict(os.environ, {"PATH": os.path.dirname(sys.executable)} | (env or {})),
            patch.object(sys, "stdin", source),
            patch.object(sys, "argv", ["cmd/cli.py"]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            exit_code = app.main(
                [*self.options(), *arguments],
                now or self.now + DAY,
                str(home or self.folder),
            )
        texts = []
        for stream in (out, err):
            stream.flush()
            stream.buffer.seek(0)
            texts.append(stream.buffer.read().decode())
        assert "Traceback" not in "".join(texts)
        return Done(exit_code, *texts)

    def json(self, *arguments: str, **more: Any) -> Done:
        """One command with ``--json``."""
        return self.run("--json", *arguments, **more)

    def spawn(self, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[bytes]":
        """One command as a process, at this machine's time."""
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "timeout": 60}
        if "stdout" not in more:
            options["capture_output"] = True
        start = started(*arguments)
        if OTHER_PYTHON:
            start = (OTHER_PYTHON, str(CLI))
            more["env"] = _environment() | (more.get("env") or {})
        line = [*start, *self.options(), *arguments]
        return subprocess.run(line, **options | more)


def _elsewhere(arguments: list[str], stdin: bytes, env: dict[str, str]) -> Done:
    """One command in the other Python, at an instant and in a folder."""
    line = [OTHER_PYTHON, "-c", _AT_AN_INSTANT, *arguments]
    path = {"PATH": os.path.dirname(OTHER_PYTHON)}
    return _done(line, _environment() | path | env, stdin)


def _environment() -> dict[str, str]:
    """What the other Python finds: the client, and what that needs, httpx too."""
    fetcher = pythons.library(OTHER, "httpx")
    places = [pythons.REPOSITORY, pythons.PLAIN, *([fetcher] if fetcher else [])]
    made = pythons.environment(*places)
    made["PATH"] = os.pathsep.join((os.path.dirname(OTHER_PYTHON), made["PATH"]))
    return made


def _done(line: list[str], env: dict[str, str], stdin: bytes) -> Done:
    done = subprocess.run(
        line, env=env, cwd=os.getcwd(), input=stdin, capture_output=True, timeout=60
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in out + err, err
    return Done(done.returncode, out, err)


def started(*words: str) -> tuple[str, ...]:
    """How the client is started at this machine's time, for a line with these *words*."""
    return (sys.executable, str(CLI)) if ELSEWHERE.intersection(words) else PROGRAM


def new_signer() -> MemorySigner:
    """A new signing key."""
    return MemorySigner.from_seed(os.urandom(32))


def flipped(token: str) -> str:
    """*token* with one bit of its signature turned."""
    head, _, last = token.rpartition(".")
    signature = b64url.decode(last)
    return f"{head}.{b64url.encode(bytes([signature[0] ^ 1]) + signature[1:])}"
