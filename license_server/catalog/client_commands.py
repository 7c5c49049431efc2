"""The commands of a product's client, as its operators type them.

Each has a default, which is how Hostseal's own client is called. A product that ships the client
under another name, or has no environment to set, says so once, and every letter and hint says it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from license_core import strictjson
from license_core.claims import ClaimError
from license_core.errors import LicenseError
from license_core.reason import Reason
from license_core.wording import DEFAULT_CLI, Worded
from license_server.catalog import offered
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults, faults_of
from license_server.catalog.fields import clean_text, present
from license_server.db.questions import Question, Rows

NONE = "-"
"""What is typed for a command that the product has not."""
MEMBERS = ("environment", "client", "key", "install", "verify", "start", "file")
MAY_BE_NONE = frozenset({"environment", "start"})
LONGEST = 200
_MOST = 1000
"""Products that are looked at."""


class Commands(NamedTuple):
    """What operators of one product type."""

    environment: str | None
    """Sets the product's environment; None: that needs nothing."""
    client: str
    """Calls the client; a command of it follows."""
    key: str
    """Prints the host key line."""
    install: str
    """Installs license.dat of the present folder."""
    verify: str
    start: str | None
    """Starts the product; None: there is no command for it."""
    file: str
    """The path of the installed licence."""

    @property
    def request(self) -> str:
        """Prints a request."""
        return f"{self.client} request"

    @property
    def doctor(self) -> str:
        """Prints what may change the host key."""
        return f"{self.client} doctor"

    @property
    def explain(self) -> str:
        """Prints why a licence is rejected."""
        return f"{self.verify} --explain"

    @property
    def installation(self) -> tuple[str, ...]:
        """What is typed once the file is there, in order."""
        lines = (self.environment, self.install, self.verify, self.start)
        return tuple(line for line in lines if line is not None)

    def facts(self) -> dict[str, str]:
        """What remedies are filled with."""
        named = {"client": self.client, "verify": self.verify, "file": self.file}
        named |= {"request": self.request, "doctor": self.doctor, "explain": self.explain}
        return named | {"key_command": self.key}


def _of(given: Mapping[str, str]) -> Commands:
    client = given.get("client", DEFAULT_CLI)

    def unless_none(name: str, default: str) -> str | None:
        text = given.get(name, default)
        return None if text == NONE else text

    return Commands(
        environment=unless_none("environment", ". ./platform_env"),
        client=client,
        key=given.get("key", f"{client} get_host_key"),
        install=given.get("install", f"{client} install license.dat"),
        verify=given.get("verify", f"{client} verify"),
        start=unless_none("start", "sh start.sh"),
        file=given.get("file", "conf/license.dat"),
    )


def usual(client: str) -> Commands:
    """The commands of a product that says nothing but how its *client* is called."""
    return _of({"client": client})


DEFAULT = _of({})


def given(product: Product | None) -> dict[str, str]:
    """The commands that *product* sets itself, by member; a NONE is one that it has not."""
    return {} if product is None else _read(product.commands)


def _read(commands: str | None) -> dict[str, str]:
    found: dict[str, str] = {} if commands is None else strictjson.loads(commands.encode("utf-8"))
    return found


def of(product: Product | None) -> Commands:
    """The commands of *product*: its own, and the defaults for what it does not say."""
    return _stored(None if product is None else product.commands)


def _stored(commands: str | None) -> Commands:
    own = _read(commands)
    return _of(own) if own else DEFAULT


def shared(names: frozenset[str] | None) -> Question[Commands]:
    """The commands that all products have, where none is meant; the defaults where they differ.

    *names*: that all of these have.
    """
    query = offered.commands(_MOST, names)

    def same(rows: Rows) -> Commands:
        found = {_stored(commands) for (commands,) in rows}
        return found.pop() if len(found) == 1 else DEFAULT

    return Question(query, same)


def read(members: Any, faults: Faults) -> str | None:
    """What is stored of the *members* that a product sets; *faults* takes what is wrong."""
    if members is None or members == {}:
        return None
    if not isinstance(members, dict):
        faults.refuse("commands", "it is not an object")
        return None
    reason = Reason("there is no such command; there are: {allowed}", allowed=", ".join(MEMBERS))
    said = present(members)
    for name in said:
        if name not in MEMBERS:
            faults.refuse(f"commands.{name[:64]}", reason)
    texts = {
        name: faults.read(f"commands.{name}", _command, said, name)
        for name in MEMBERS
        if name in said
    }
    return strictjson.dumps(texts).decode("utf-8") if texts and not faults else None


def _command(given: Mapping[str, Any], member: str) -> str | None:
    named = f"commands.{member}"
    text = clean_text({named: given[member]}, named, LONGEST)
    if text is None:
        return None
    if "`" in text:
        raise ClaimError(named, "it has a backquote; write $(…) instead")
    if text == NONE and member not in MAY_BE_NONE:
        raise ClaimError(named, "the product cannot do without it")
    return text


def tell(told: Worded, commands: Commands) -> None:
    """Let a remark or an error name the *commands* of its product."""
    told.more = {**told.more, **commands.facts()}


@contextmanager
def telling(commands: Commands) -> Iterator[None]:
    """Let what is refused inside name the *commands* of its product."""
    try:
        yield
    except LicenseError as error:
        for one in (error, *(fault.error for fault in faults_of(error))):
            tell(one, commands)
        raise
