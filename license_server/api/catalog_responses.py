"""What the API replies of customers and products."""

from dataclasses import dataclass
from typing import Any, Self

from license_server.api import responses
from license_server.api.responses import Instant
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
        return responses.from_row(cls, stored)


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
        return responses.from_row(cls, stored, defaults=products.defaults(stored))


@dataclass(slots=True)
class ProductPage:
    """A page of the list of products."""

    products: list[Product]
    next_cursor: str | None
