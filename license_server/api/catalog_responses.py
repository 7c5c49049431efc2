"""What the API replies of customers and products."""

from dataclasses import dataclass
from typing import Any, Self

from license_server.api import responses
from license_server.api.responses import Instant
from license_server.catalog import (
    catalog_store,
    client_commands,
    letter_texts,
    letters,
    mail_domains,
    plans,
    products,
    reminders,
    tags,
)
from license_server.erasure import customer_erasure


@dataclass(slots=True, kw_only=True)
class Customer:
    """A customer."""

    id: int
    name: str
    contact_name: str | None
    contact_email: str | None
    language: str | None
    tags: list[str]
    domains: list[str]
    notes: str | None
    owner: str | None
    no_reminders: bool
    created_at: Instant
    archived_at: Instant | None
    merged_into: int | None
    erased_at: Instant | None

    @classmethod
    def of(cls, stored: catalog_store.Customer, **more: bool) -> Self:
        """The customer *stored*; a subclass has *more*."""
        return responses.from_row(
            cls,
            stored,
            tags=tags.of(stored.tags),
            domains=mail_domains.of(stored.domains),
            no_reminders=stored.no_reminders is True,
            **more,
        )


@dataclass(slots=True, kw_only=True)
class Erasure:
    """What would be erased with a customer: its names, and how much there is of each."""

    names: list[str]
    licenses: int
    requests: int
    mails: int
    proposals: int
    portal_links: int
    undecided: int
    in_force: list[str]

    @classmethod
    def of(cls, found: customer_erasure.Preview) -> Self:
        """What is *found*; of the licences in force the first."""
        return cls(
            names=found.names, undecided=found.undecided, in_force=found.live, **found.counts
        )


@dataclass(slots=True, kw_only=True)
class ErasedCustomer(Customer):
    """What is left of a customer, and whether SQLite's file is yet to be scrubbed."""

    scrub_waits: bool


@dataclass(slots=True)
class CustomerPage:
    """A page of the list of customers."""

    customers: list[Customer]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class Reminders:
    """When customers are reminded of the end of a product's licences."""

    days: list[int]
    quiet_weekends: bool
    quiet_dates: list[str]

    @classmethod
    def of(cls, stored: catalog_store.Product) -> Self | None:
        """Those of the product *stored*."""
        rules = reminders.of(stored)
        return None if rules is None else cls(**rules.told())


@dataclass(slots=True, kw_only=True)
class Product:
    """A product and its rules."""

    name: str
    title: str | None
    defaults: dict[str, Any]
    longest_days: int | None
    rehosts: int | None
    needs_approval: bool
    commands: dict[str, str]
    reminders: Reminders | None
    created_at: Instant
    archived_at: Instant | None
    plans: dict[str, dict[str, Any]]
    mail_plan: str | None
    mail_daily: int | None
    mail_moves: bool

    @classmethod
    def of(cls, stored: catalog_store.Product) -> Self:
        """The product *stored*."""
        return responses.from_row(
            cls,
            stored,
            defaults=products.defaults(stored),
            plans={name: plan.told() for name, plan in plans.of(stored).items()},
            commands=client_commands.given(stored),
            reminders=Reminders.of(stored),
            mail_moves=bool(stored.mail_moves),
        )


@dataclass(slots=True)
class LetterText:
    """One letter, and whether it is the default."""

    text: str
    is_default: bool


@dataclass(slots=True)
class Letters:
    """The letters of a product: by kind, then by language."""

    letters: dict[str, dict[str, LetterText]]

    @classmethod
    def of(cls, stored: catalog_store.Product) -> Self:
        """The letters of the product *stored*."""
        own = letters.own(stored)
        return cls(
            {
                kind: {
                    language: LetterText(
                        letters.text_of(stored, kind, language),
                        language not in own.get(kind, {}),
                    )
                    for language in letter_texts.LANGUAGES
                }
                for kind in letter_texts.KINDS
            }
        )


@dataclass(slots=True)
class ProductPage:
    """A page of the list of products."""

    products: list[Product]
    next_cursor: str | None
