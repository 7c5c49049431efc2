"""The preview of a job: what would become of each line, before anything is done.

To look at all lines takes long, so what was seen is shown again for a short time.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_server.actor import Actor
from license_server.catalog import catalog_store, products
from license_server.catalog.names import alike_key
from license_server.sheets import importer, uploads
from license_server.sheets.batches import Planned, Refused, Right
from license_server.sheets.job_state import SHOWN
from license_server.site import Site

SHOWN_AGAIN_SECONDS = 60
"""How long a preview is shown again without a new look at all lines."""


class Alike(NamedTuple):
    """A name that would be a new customer's, though one is called nearly so."""

    name: str
    other: str
    other_id: int | None
    """None: another new one, of a line before."""


class Preview(NamedTuple):
    """How many lines of a job are right and wrong, and the first of each."""

    act: str
    right: int
    wrong: int
    waiting: int
    """How many of those that are right become proposals."""
    noticed: int
    """Of how many something should be known before."""
    planned: tuple[Right, ...]
    refused: tuple[Refused, ...]
    alike: tuple[Alike, ...]
    less: int
    """How many of those that are right take something away from a licence."""
    losing: tuple[Right, ...]
    """The first of these."""
    second: int
    """How many of those that are right would stand beside another licence of their host."""
    beside: tuple[Planned, ...]
    """The first of these."""
    twice: tuple[tuple[int, int], ...]
    """The first lines that are right and say the very same as one before, and which that is."""
    rules: Mapping[str, str]
    """The products that it names, and the rules of each (products.rules)."""

    @property
    def agreed(self) -> str:
        """What names the rules that were seen."""
        return hashlib.sha256(strictjson.dumps(dict(sorted(self.rules.items())))).hexdigest()


class Previews:
    """The last previews of a process, by sheet and by who saw them."""

    def __init__(self, most: int = 8) -> None:
        """At most so many are kept."""
        self._most = most
        self._made: dict[tuple[str, Actor], tuple[int, Preview]] = {}

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._made)

    def show(
        self, site: Site, id_: str, actor: Actor, now: int, *, afresh: bool = False
    ) -> Preview:
        """What would become of a sheet, or would have a moment ago. Raises NotFoundError."""
        at, made = self._made.get((id_, actor), (now, None))
        if afresh or made is None or not at <= now < at + SHOWN_AGAIN_SECONDS:
            made = make(site, id_, actor, now)
            self._made.pop((id_, actor), None)
            self._made[id_, actor] = now, made
            while len(self._made) > self._most:
                self._made.pop(next(iter(self._made)), None)
        return made


RECENT = Previews()
"""Those of this process."""


def make(site: Site, id_: str, actor: Actor, now: int) -> Preview:
    """Look at every line of a job. Raises NotFoundError."""
    right = wrong = waiting = noticed = 0
    planned: list[Right] = []
    refused: list[Refused] = []
    less, losing = 0, list[Right]()
    second, beside = 0, list[Planned]()
    twice: list[tuple[int, int]] = []
    names: dict[str, None] = {}
    rules: dict[str, str] = {}
    lines = uploads.lines_of(site, id_, actor)
    for one in importer.look(site.database, lines, actor, now):
        if isinstance(one, Refused):
            wrong += 1
            refused += [one] if wrong <= SHOWN else []
            continue
        right += 1
        waiting += one.waits
        noticed += bool(one.notices)
        planned += [one] if right <= SHOWN else []
        if one.product is not None and one.product.name not in rules:
            rules[one.product.name] = products.rules(one.product)
        if isinstance(one, Planned):
            names[one.plan.order.customer] = None
            rules.setdefault(one.plan.order.product, products.rules(None))
            if one.same_as is not None and len(twice) < SHOWN:
                twice.append((one.line, one.same_as))
            if one.beside:
                second += 1
                beside += [one] if second <= SHOWN else []
        if one.losses:
            less += 1
            losing += [one] if less <= SHOWN else []
    found = site.database.read(lambda connection: tuple(alike(connection, names)))
    kept = site.database.read(lambda connection: uploads.find(connection, id_, actor))
    return Preview(
        act=kept.act,
        right=right,
        wrong=wrong,
        waiting=waiting,
        noticed=noticed,
        planned=tuple(planned),
        refused=tuple(refused),
        alike=found,
        less=less,
        losing=tuple(losing),
        second=second,
        beside=tuple(beside),
        twice=tuple(twice),
        rules=rules,
    )


def alike(connection: Connection, names: Iterable[str]) -> Iterator[Alike]:
    """Those of *names* that are new, and nearly those of others."""
    known = catalog_store.ids_by_name(connection, "customers", names)
    new: dict[str, str] = {}
    for name in names:
        key = alike_key(name)
        if name in known or key is None:
            continue
        other = catalog_store.alike(connection, name)
        if other is not None:
            yield Alike(name, other.name, other.id)
        elif key in new:
            yield Alike(name, new[key], None)
        new.setdefault(key, name)
