"""What the API replies of customers and products."""

from dataclasses import dataclass
from typing import Any, Self

from license_server.api.responses import Instant, instant
from license_server.catalog import catalog_store, products


@dataclass(slots=True, kw_only=True)
class Customer:
    """A customer."""

    id: int
    name: str
    contact_name: str | None
    contact_email: str | None
    language: str | None
    notes: str | None
    created_at: Instant

    @classmethod
    def of(cls, stored: catalog_store.Customer) -> Self:
        """The customer *stored*."""
        return cls(
            id=stored.id,
            name=stored.name,
            contact_name=stored.contact_name,
            contact_email=stored.contact_email,
            language=stored.language,
            notes=stored.notes,
            created_at=instant(stored.created_at),
        )


@dataclass(slots=True)
class CustomerPage:
    """A page of the list of customers."""

    customers: list[Customer]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class Product:
    """A product and its rules."""

    name: str
    defaults: dict[str, Any]
    longest_days: int | None
    rehosts: int | None
    needs_approval: bool
    created_at: Instant

    @classmethod
    def of(cls, stored: catalog_store.Product) -> Self:
        """The product *stored*."""
        return cls(
            name=stored.name,
            defaults=products.defaults(stored),
            longest_days=stored.longest_days,
            rehosts=stored.rehosts,
            needs_approval=stored.needs_approval,
            created_at=instant(stored.created_at),
        )


@dataclass(slots=True)
class ProductPage:
    """A page of the list of products."""

    products: list[Product]
    next_cursor: str | None
