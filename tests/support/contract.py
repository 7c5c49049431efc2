"""The JSON answers that programs rely on, collected as shapes by running the commands.

A shape names the members of an object with the types of their values; ``?`` marks a member that is
not always there, ``*`` any name. A text of few values that programs go by is an enumeration of
those that were seen; what a problem or notice says of itself (``facts``) is told by its slug.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from license_core.requirements import Requirements
from tests.support import hosts, server
from tests.support.cases import CASES
from tests.support.cli import DAY, Done, World
from tests.support.client_problems import CASES as PROBLEMS
from tests.support.ledger import new_ledger, walk
from tests.support.server import LINE
from tests.support.vendor import keyset, revocations

ENUMERATIONS = {"evidence", "lasting", "level", "match", "mode", "profile", "standing", "state"}
ENUMERATIONS |= {"fault", "verdict"}
PARTS = {"lasting", "met", "verdict"}
"""What has one of these members is a part of a host or a machine, and its name is one of a few."""
MAPS = {"limits", "tags"}
"""Objects whose names are the vendor's or the host's own."""
LINES = {
    "kid": r"[A-Za-z0-9_-]{43}",
    "number": r"HS-\d{4}-[0-9A-Z]{8}",
    "host key": r"[0-9a-f]{40}",
    "token": r"hst_[0-9a-f]{12}_[A-Za-z0-9_-]{43}",
}


class Recorder(World):
    """An operator whose commands all answer in JSON, and who keeps the answers."""

    def __init__(self, folder: Path, answers: dict[str, list[Any]]) -> None:
        super().__init__(folder)
        self.answers = answers

    def run(self, *arguments: str, **more: Any) -> Done:
        """One command, with ``--json`` where the command has it."""
        if "guard" in arguments:  # it answers as the program that it watches
            return super().run(*arguments, **more)
        done = super().run("--json", *(one for one in arguments if one != "--json"), **more)
        if done.out.startswith("{"):
            command = next((one for one in arguments if re.fullmatch("[a-z_]+", one)), "")
            self.answers.setdefault(command, []).append(json.loads(done.out))
        return done


def answers(folder: Path) -> dict[str, Any]:
    """All that is found, as ``tests/contract/commands.json`` has it."""
    return {"license-cli": client(folder / "client"), "license-server": vendor(folder / "vendor")}


def client(folder: Path) -> dict[str, Any]:
    """The answers of the client's commands, over many hosts and every problem."""
    kept: dict[str, list[Any]] = {}

    def world(name: str) -> Recorder:
        (folder / name).mkdir(parents=True)
        return Recorder(folder / name, kept)

    for slug, case in PROBLEMS.items():
        one = world(slug)
        case(one)
        one.run("doctor")
    for number, host in enumerate(CASES):
        one = world(str(number))
        host.before(one.host)
        asked = one.run("get_host_key", "--profile", host.profile, env=host.env)
        one.run("doctor", env=host.env)
        if asked.exit_code:
            continue  # no key, no licence
        one.put()
        host.after(one.host)
        one.run("verify", "--explain", env=host.env)
        one.run("show", env=host.env)
    _a_good_life(world("good"))
    facts: dict[str, Shape] = {}
    commands = {command: shape_of(seen, facts) for command, seen in sorted(kept.items())}
    return {"commands": commands, "facts": {slug: facts[slug].told() for slug in sorted(facts)}}


def _a_good_life(world: Recorder) -> None:
    """Successful commands: two licences, a keyset, a list, requirements and host facts."""
    hosts.evidence(world.host)
    wanted = "".join(
        f"{name} = {[3001] if name == 'ports' else 1}\n" for name in Requirements._fields
    )
    (world.conf / "requirements.toml").write_text(wanted, "ascii")
    world.run("doctor")
    for license_ in (world.claims(notify_from=world.now), world.claims(exp=None, edition="pro")):
        world.run("install", world.write(world.file(license_)))
    world.run("install", world.write(keyset(world, 4)))
    world.run("install", world.write(revocations(world, 7, exp=world.now + 9 * DAY)))
    for command in ("verify", "show", "doctor", "get_host_key"):
        world.run(command)
    world.run("get_host_key", "--check", "--phone")
    world.run("verify", "--explain")


def vendor(folder: Path) -> dict[str, Any]:
    """The answers of the server's commands that programs read."""
    folder.mkdir()
    ledger = new_ledger(folder, None)
    walk(ledger)
    ledger.site.database.close()
    data = ledger.settings.data
    listed = folder / "orders.csv"
    quoted = LINE.replace('"', '""')
    listed.write_text(f'customer,product,host,days\nACME,darwin,"{quoted}",9\n', "utf-8")
    report = folder / "report.csv"

    def said(*arguments: str) -> str:
        done = server.at_once(*arguments, env=server.environment(data))
        assert "Traceback" not in done.stderr
        return done.stdout

    clean = said("fsck", "--json")
    with ledger_edited(data):
        faulty, plain = said("fsck", "--json"), said("fsck")
    said("import", "licenses", str(listed), "--report", str(report))
    return {
        "check --json": shape_of([json.loads(said("check", "--json", "--offline"))]),
        "keys list --json": shape_of([json.loads(said("keys", "list", "--json"))]),
        "fsck --json, each line": shape_of(
            json.loads(line) for line in (clean + faulty).splitlines()
        ),
        "fsck, each fault": "{}: {}: text".format(*as_line(plain.splitlines()[0]).split(": ")[:2]),
        "audit export, each line": shape_of(
            json.loads(line) for line in said("audit", "export", "-o", "-").splitlines()
        ),
        "token create": as_line(said("token", "create", "ci").strip()),
        "import --report": report.read_text("utf-8").splitlines()[0],
        **{
            f"export {what}": said("export", what, "-o", "-").splitlines()[0].lstrip("\ufeff")
            for what in ("licenses", "customers", "events")
        },
    }


class ledger_edited:  # noqa: N801  # it is used as a word of a sentence
    """The ledger with a row changed behind the server's back, and then as it was."""

    def __init__(self, data: Path) -> None:
        self._path = data / "hostseal.db"
        self._before = self._path.read_bytes()

    def __enter__(self) -> None:
        import sqlite3

        database = sqlite3.connect(self._path)
        with database:
            database.execute("update customers set notes = 'edited'")
        database.close()

    def __exit__(self, *_: object) -> None:
        self._path.write_bytes(self._before)


def as_line(line: str) -> str:
    """*line* with what differs from day to day named by its kind."""
    for name, pattern in LINES.items():
        line = re.sub(rf"(?<![A-Za-z0-9_-]){pattern}(?![A-Za-z0-9_-])", f"<{name}>", line)
    return re.sub(r"\d+", "<n>", line)


def shape_of(values: Iterable[Any], facts: dict[str, "Shape"] | None = None) -> Any:
    """The one shape of all of *values*."""
    shape = Shape({} if facts is None else facts)
    for value in values:
        shape.see(value)
    return shape.told()


class Shape:
    """What values were seen: plain ones by their type, objects by their members, lists by theirs.

    What problems and notices say goes to *facts*, by their slug.
    """

    def __init__(self, facts: dict[str, "Shape"]) -> None:
        self._facts = facts
        self._plain: set[str] = set()
        self._objects = 0
        self._members: dict[str, Shape] = {}
        self._seen: Counter[str] = Counter()
        self._items: Shape | None = None

    def see(self, value: Any, name: str = "") -> "Shape":
        """Add a value, seen as the member *name*."""
        if isinstance(value, dict):
            self._objects += 1
            is_remark = {"slug", "facts"} <= value.keys()
            is_part = bool(PARTS & value.keys())
            for key, one in value.items():
                self._seen[key] += 1
                member = self._member("*" if name in MAPS else key)
                if is_remark and key == "facts":
                    self._facts.setdefault(value["slug"], Shape(self._facts)).see(one)
                    member.enumerate("as its slug has them")
                elif is_part and key == "name":
                    member.enumerate(one)
                else:
                    member.see(one, key)
        elif isinstance(value, list):
            self._items = self._items or Shape(self._facts)
            for one in value:
                self._items.see(one, name)
        elif isinstance(value, str):
            self._plain.add(f"'{value}'" if name in ENUMERATIONS else "text")
        else:
            self._plain.add(
                {bool: "true or false", int: "integer", type(None): "null"}[type(value)]
            )
        return self

    def enumerate(self, value: str) -> None:
        """Add one of the few texts that this value can be."""
        self._plain.add(f"'{value}'")

    def _member(self, name: str) -> "Shape":
        return self._members.setdefault(name, Shape(self._facts))

    def told(self) -> Any:
        """The shape as JSON."""
        kinds: list[Any] = [" | ".join(sorted(self._plain))] if self._plain else []
        if self._objects:
            kinds.append(
                {
                    name
                    + ("" if name == "*" or self._seen[name] == self._objects else "?"): one.told()
                    for name, one in sorted(self._members.items())
                }
            )
        if self._items is not None:
            kinds.append([self._items.told()])
        return kinds[0] if len(kinds) == 1 else {"one of": kinds}
