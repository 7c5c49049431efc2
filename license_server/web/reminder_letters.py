"""What reminders say: to a customer of what ends, and to an owner of what was reminded of."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from license_core.wording import printable
from license_server.background.reminders import Texts
from license_server.catalog import client_commands, letters
from license_server.catalog.catalog_store import Customer
from license_server.catalog.letter_texts import DIGEST, LANGUAGES, REMINDER
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.term_days import Day
from license_server.renewals.owners import Told
from license_server.renewals.reminding import ARCHIVED, DECLINED, MAILED, NO_ADDRESS, Ending
from license_server.site import Site
from license_server.web import counts, letter_writing
from license_server.web.letter_writing import About, Letter
from license_server.web.reader import catalogue

_USUAL_LANGUAGE = "en"
_BEFORE = 30
_LISTED = 200
"""So many licences does a mail name."""
OUTCOMES = {
    MAILED: "mailed to the customer",
    NO_ADDRESS: "not mailed: the customer has no email address",
    DECLINED: "not mailed: the customer wants no reminders",
    ARCHIVED: "not mailed: the customer is archived",
}
"""What became of a reminder, in English; translated where it is shown."""


def texts(site: Site) -> Texts:
    """What writes the mails of the *site*."""
    vendor, settings = site.issuer.name, site.settings
    address = settings.public_url

    def customer(whose: Customer, endings: Sequence[Ending]) -> tuple[str, str]:
        return to_customer(whose, endings, vendor)

    def owner(told: Sequence[Told]) -> tuple[str, str]:
        return to_owner(told, settings.language, address)

    return Texts(customer, owner)


def to_customer(
    customer: Customer, endings: Sequence[Ending], vendor: str, language: str | None = None
) -> tuple[str, str]:
    """The subject and the text of the mail to a customer, in their language.

    Of one licence it is the reminder of its product; of several the digest of the one that ends
    first.
    """
    language = language or customer.language or _USUAL_LANGUAGE
    if language not in LANGUAGES:
        language = _USUAL_LANGUAGE
    first = endings[0]
    kind = REMINDER if len(endings) == 1 else DIGEST
    text = letters.text_of(first.product, kind, language)
    abouts = [
        (About.of(one.stored, customer, one.product, None), one.days, one.stored.last_of_grace)
        for one in endings[:_LISTED]
    ]
    days = [one.days for one in endings]
    return letters.filled(text, values(kind, abouts, days, vendor, language))


def values(
    kind: str,
    abouts: Sequence[tuple[About, int, Day | None]],
    all_days: Sequence[int],
    vendor: str,
    language: str,
) -> dict[str, str]:
    """The value of each place of a letter of this *kind*.

    *abouts*: of the licences that are named what there is to tell, the days until the last day, and
    the last day of the grace period. *all_days*: the days of all of them.
    """
    about, days, grace = abouts[0]
    some = letter_writing.values(language, about, vendor, client_commands.of(None))
    if kind == DIGEST:
        return {
            **{name: some[name] for name in ("greeting", "customer", "contact", "vendor")},
            "summary": _summary(all_days, language),
            "licences": _lines(abouts, len(all_days), language),
        }
    return some | {
        "ends": _ends(about, days, language),
        "stops": _stops(about, days, grace, language),
    }


def _ends(about: About, days: int, language: str) -> str:
    words = catalogue(language)
    last = "" if about.last is None else str(about.last)
    if days < 0:
        told = words.ngettext(
            "expired %(count)s day ago; its last day was %(day)s",
            "expired %(count)s days ago; its last day was %(day)s",
            -days,
        )
    elif days == 0:
        told = words.gettext("expires today, at the end of %(day)s")
    else:
        told = words.ngettext(
            "expires in %(count)s day, at the end of %(day)s",
            "expires in %(count)s days, at the end of %(day)s",
            days,
        )
    return told % {"count": abs(days), "day": last}


def _stops(about: About, days: int, grace: Day | None, language: str) -> str:
    tr = catalogue(language).gettext
    if grace is not None and about.last is not None:
        after = (grace.day - about.last.day).days
        if days + after >= 0:
            told = tr(
                "After that the product still starts until the end of %(day)s, with warnings."
            )
            return told % {"day": grace.day.isoformat()}
    if days < 0:
        return tr("The product does not start any more.")
    return tr("After that the product does not start any more.")


def _summary(days: Sequence[int], language: str) -> str:
    words, count = catalogue(language), len(days)
    if all(one < 0 for one in days):
        told = words.ngettext(
            "%(count)s of your licences has expired",
            "%(count)s of your licences have expired",
            count,
        )
    elif any(one < 0 for one in days):
        told = words.ngettext(
            "%(count)s of your licences expires soon or has expired",
            "%(count)s of your licences expire soon or have expired",
            count,
        )
    else:
        told = words.ngettext(
            "%(count)s of your licences expires soon",
            "%(count)s of your licences expire soon",
            count,
        )
    return told % {"count": count}


def _lines(abouts: Sequence[tuple[About, int, Day | None]], count: int, language: str) -> str:
    lines = [
        _line(
            None if about.last is None else about.last.day,
            about.number,
            about.title or about.product,
            about.host_name or about.host_key[:12],
            about.contract,
        )
        for about, _, _ in abouts
    ]
    return "\n".join([*lines, *_more(count, language)])


def _line(day: date | None, number: str, title: str, host: str, contract: str | None) -> str:
    named = ", ".join(printable(one) for one in (title, host, contract) if one)
    return f"{day or ''}  {number}  {named}"


def _more(count: int, language: str) -> list[str]:
    if count <= _LISTED:
        return []
    more = count - _LISTED
    told = catalogue(language).ngettext(
        "and %(count)s more licence", "and %(count)s more licences", more
    )
    return [told % {"count": more}]


def to_owner(told: Sequence[Told], language: str, address: str | None) -> tuple[str, str]:
    """The subject and the text of the mail to an owner; *address*: how the desk's begin."""
    words = catalogue(language)
    count, customers = len(told), len({one.customer.id for one in told})
    subject = words.ngettext("%(count)s licence to renew", "%(count)s licences to renew", count)
    of = words.ngettext(
        "Of %(count)s customer of yours:", "Of %(count)s customers of yours:", customers
    )
    paragraphs = [of % {"count": customers}]
    shown = told[:_LISTED]
    for (name, outcome), some in groupby(shown, lambda one: (one.customer.name, one.outcome)):
        became = words.gettext(OUTCOMES.get(outcome, outcome))
        paragraphs.append(
            "\n".join(
                [f"{printable(name)} ({became})", *(f"    {_of(one, language)}" for one in some)]
            )
        )
    paragraphs += _more(count, language)
    if address is not None:
        paragraphs.append(words.gettext("All that is due:") + f" {address}/renewals")
    return subject % {"count": count}, "\n\n".join(paragraphs) + "\n"


def _of(one: Told, language: str) -> str:
    stored: StoredLicense = one.stored
    last = stored.last
    line = _line(
        None if last is None else last.day,
        stored.number,
        stored.product,
        stored.host_name or stored.host_key[:12],
        stored.contract,
    )
    return f"{line}  ({counts.days_from_now(one.days, catalogue(language))})"


def previewed(kind: str, text: str, about: About, vendor: str, language: str) -> Letter:
    """A letter of this *text* as it would be 30 days before the end of the licence *about*."""
    other = about._replace(number="HS-2027-KCY3ZBEK", host_name="gpu-box-8")
    abouts = [(about, _BEFORE, None), (other, _BEFORE, None)]
    return Letter(
        language, *letters.filled(text, values(kind, abouts, [_BEFORE] * 2, vendor, language))
    )
