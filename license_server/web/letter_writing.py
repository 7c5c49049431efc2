"""What stands in the places of a letter about a licence, in the language of the letter."""

import gettext
from typing import NamedTuple, Self

from license_core.wording import printable
from license_server.catalog import client_commands, letters
from license_server.catalog.catalog_store import Customer, Product
from license_server.catalog.client_commands import Commands
from license_server.licenses import host_changes, issuing, moves
from license_server.licenses.host_changes import HostChange
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.term_days import Day
from license_server.web.reader import Reader, catalogue


class Move(NamedTuple):
    """The licence from whose host another one moved."""

    former: StoredLicense
    change: HostChange

    @classmethod
    def of(
        cls, former: StoredLicense | None, stored: StoredLicense, text: str | None
    ) -> Self | None:
        """The move that *stored* is, which replaces *former*; None where the host is the same.

        *text*: what the operator sent.
        """
        if former is None:
            return None
        change = moves.change_of(former, issuing.claims_of(stored).host, text)
        return None if change is None else cls(former, change)


class Letter(NamedTuple):
    """What to write to the customer, in one language."""

    language: str
    subject: str
    text: str


class About(NamedTuple):
    """What a letter tells of: a licence and whom it is for."""

    number: str
    customer: str
    contact: str | None
    product: str
    title: str | None
    contract: str | None
    host_name: str | None
    host_key: str
    profile: str
    last: Day | None
    """None: it is perpetual."""
    kind: str | None
    """``trial`` or ``stop-gap``."""
    stands_for: str | None
    """The licence for which a stop-gap stands."""
    replaced: str | None
    left: str | None
    """The host from which it moved."""
    change: HostChange | None
    """What differs from that one."""
    portal: str | None
    """The address of the customer portal, for who can come in."""

    @classmethod
    def of(
        cls,
        stored: StoredLicense,
        customer: Customer | None,
        product: Product | None,
        move: Move | None,
        portal: str | None = None,
    ) -> Self:
        """What there is to tell of *stored*, which came of a *move*."""
        license_ = issuing.claims_of(stored)
        return cls(
            number=license_.jti,
            customer=license_.sub,
            contact=customer.contact_name if customer else None,
            product=license_.aud,
            title=product.title if product else None,
            contract=stored.contract,
            host_name=license_.host.name,
            host_key=license_.host.key,
            profile=license_.host.profile,
            last=stored.last,
            kind=stored.kind,
            stands_for=stored.stands_for,
            replaced=license_.replaces,
            left=(move.former.host_name or move.former.host_key) if move else None,
            change=move.change if move else None,
            portal=portal,
        )

    @property
    def is_for_pods(self) -> bool:
        """Whether they read the licence from a Secret or volume of their cluster."""
        return self.profile == "hk1-cluster"


def write(language: str, text: str, about: About, vendor: str, commands: Commands) -> Letter:
    """The letter of this *text* (letters.py); *commands*: of the product."""
    return Letter(language, *letters.filled(text, values(language, about, vendor, commands)))


def values(language: str, about: About, vendor: str, commands: Commands) -> dict[str, str]:
    """The value of each place of a letter that goes with a licence (letter_texts.PLACES)."""
    return _Words(Reader(language, "UTC", "auto"), about, commands).values(vendor)


def commands_for(about: About, commands: Commands) -> str:
    """What the operator types: where a Secret has the file, nothing is installed."""
    lines = (commands.verify,) if about.is_for_pods else commands.installation
    return "\n".join(map(printable, lines))


class _Words:
    """The values of the places, in the language of a reader."""

    def __init__(self, reader: Reader, about: About, commands: Commands) -> None:
        self._reader, self._about, self._commands = reader, about, commands
        self._catalogue: gettext.NullTranslations = catalogue(reader.language)

    def values(self, vendor: str) -> dict[str, str]:
        """The value of each place (letter_texts.PLACES)."""
        about = self._about
        plain = {
            "customer": about.customer,
            "contact": about.contact,
            "vendor": vendor,
            "number": about.number,
            "product": about.product,
            "title": about.title or about.product,
            "contract": about.contract,
            "host": self._host,
            "host_key": about.host_key,
            "last_day": None if about.last is None else str(about.last),
            "replaced": about.replaced,
            "explain": self._commands.explain,
        }
        return {name: printable(value or "") for name, value in plain.items()} | {
            "heading": self._heading(),
            "greeting": self._greeting(),
            "for_host": self._for_host(),
            "validity": self._validity(),
            "kind": self._kind(),
            "replaces": self._replaces(),
            "commands": commands_for(about, self._commands),
            "installation": self._installation(),
            "moved": self._moved(),
            "portal": self._portal(),
        }

    @property
    def _host(self) -> str:
        return self._about.host_name or self._about.host_key

    def _say(self, text: str, **facts: str) -> str:
        """*text* in the language of the letter, with nothing in its *facts* that is not seen."""
        return self._catalogue.gettext(text) % {n: printable(fact) for n, fact in facts.items()}

    def _heading(self) -> str:
        about = self._about
        if about.profile in ("hk1-cluster", "hk1-site"):
            told = "Licence %(number)s for %(product)s"
            return self._say(told, number=about.number, product=about.product)
        told = "Licence %(number)s for %(product)s on %(host)s"
        return self._say(told, number=about.number, product=about.product, host=self._host)

    def _greeting(self) -> str:
        name = self._about.contact
        return self._say("Dear %(name)s,", name=name) if name else self._say("Hello,")

    def _portal(self) -> str:
        address = self._about.portal
        if address is None:
            return ""
        told = "Your licences and requests are in our customer portal, too: %(address)s"
        return self._say(told, address=address)

    def _for_host(self) -> str:
        about = self._about
        if about.is_for_pods:
            told = "It is for all pods of your Kubernetes cluster (host key %(key)s)."
            return self._say(told, key=about.host_key)
        if about.profile == "hk1-site":
            told = (
                "It is for all containers on the machines of your site (host key %(key)s). "
                "Install it in each of them."
            )
            return self._say(told, key=about.host_key)
        told = "It is for host %(host)s (host key %(key)s)."
        return self._say(told, host=self._host, key=about.host_key)

    def _validity(self) -> str:
        last = self._about.last
        if last is None:
            return self._say("It is perpetual: it does not expire.")
        told = "It is valid until the end of %(day)s (time zone %(zone)s)."
        return self._say(told, day=last.day.isoformat(), zone=last.zone)

    def _kind(self) -> str:
        about = self._about
        if about.kind == "trial":
            return self._say("It is a trial licence.")
        if about.kind == "stop-gap":
            told = "It is a stop-gap for licence %(number)s, for these days only."
            return self._say(told, number=about.stands_for or "")
        return ""

    def _replaces(self) -> str:
        number = self._about.replaced
        return self._say("It replaces licence %(number)s.", number=number) if number else ""

    def _installation(self) -> str:
        typed = _indented(commands_for(self._about, self._commands))
        if self._about.is_for_pods:
            return _paragraphs(
                self._say(
                    "Put the file, as license.dat, into the Secret or volume from which the pods "
                    "read their licence. Then check it in one of them:"
                ),
                typed,
                self._say("Kubernetes brings it to running pods within some two minutes."),
            )
        return _paragraphs(
            self._say("Copy the file to the product's directory in the container, then run there:"),
            typed,
            self._catalogue.gettext(
                "%(steps)s. If the product is already running, you do not need to stop it."
            )
            % {"steps": self._steps()},
        )

    def _steps(self) -> str:
        """What each of the commands does; one that goes without saying is called by its word."""
        commands, usual = self._commands, client_commands.usual(self._commands.client)
        install = "install" if commands.install == usual.install else f"“{commands.install}”"
        verify = "verify" if commands.verify == usual.verify else f"“{commands.verify}”"
        start = "start.sh" if commands.start == usual.start else f"“{commands.start}”"
        first = "The first command sets the environment"
        steps = [self._say(first)] if commands.environment is not None else []
        checks = "%(command)s checks the file and puts it in place of the former one"
        steps.append(self._say(checks, command=install))
        may_run = "%(command)s checks whether the product may run"
        steps.append(self._say(may_run, command=verify))
        if commands.start is not None:
            steps.append(self._say("%(command)s starts it", command=start))
        return self._reader.marks.semicolon.join(steps)

    def _moved(self) -> str:
        change, left = self._about.change, self._about.left or ""
        if change is None:
            return ""
        if change.place == host_changes.HERE:
            told = self._say(
                "It is for the same host as before, which has changed: the new file takes the "
                "place of the former one, and nothing has to be deleted."
            )
        elif change.place == host_changes.PERHAPS:
            told = self._say(
                "If the former container or machine (%(host)s) still exists, please remove it, or "
                "the copy of the licence that it has of its own: until then, the former licence "
                "stays valid there. Do not delete the file that you have just installed: with a "
                "volume that both have, it is in the same place.",
                host=left,
            )
        else:
            return self._say(
                "Please delete %(file)s on the former host, %(host)s, and tell us when that is "
                "done: until then, the former licence stays valid there. If both hosts use the "
                "same folder, leave it: it is the new file.",
                host=left,
                file=self._commands.file,
            )
        if change.tells_of_site:
            return told
        look = self._say(
            "So that a change of the host does not stop the product again, please look at what "
            "this prints in the container:"
        )
        return _paragraphs(told, look, _indented(printable(self._commands.doctor)))


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(texts)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
