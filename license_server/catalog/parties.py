"""The customers and products that orders name: each is read once, however many orders name it."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.catalog import catalog_store, customers, products
from license_server.catalog.catalog_store import Customer, Product


class Parties:
    """What an actor sees of them, as it is in one transaction.

    *customers* and *products* are names that will be asked for: they are read together. *held*:
    those customers get licences in this transaction (catalog_store.customers_called).
    """

    def __init__(
        self,
        connection: Connection,
        actor: Actor,
        customers: Iterable[str] = (),
        products: Collection[str] = (),
        *,
        held: bool = False,
    ) -> None:
        self._connection = connection
        self._actor = actor
        self._ahead = frozenset(customers)
        self._held = held
        self._read: dict[str, Customer] | None = None
        self._customers: dict[str, Customer | None] = {}
        self._unseen: dict[str, Customer | None] = {}
        self._products: dict[str, Product | None] = dict.fromkeys(products)
        if products:
            self._products |= catalog_store.products_by_name(connection, products)
        self._alike: dict[str, list[str]] = {}

    def product(self, name: str) -> Product | None:
        """The product of this name."""
        if name not in self._products:
            self._products[name] = catalog_store.product_by_name(self._connection, name)
        return self._products[name]

    def customer(self, name: str) -> Customer | None:
        """The customer of this name, or the one that was called so last."""
        if name not in self._customers:
            self._customers[name] = self._customer(name)
        return self._customers[name]

    def customer_id(self, name: str) -> int | None:
        """Of that customer, whether the actor may see it or not."""
        found = self._stored(name)
        return None if found is None else found.id

    def _stored(self, name: str) -> Customer | None:
        found = self.customer(name)
        if found is not None or self._actor.products is None:
            return found
        if name not in self._unseen:
            self._unseen[name] = catalog_store.customer_called(self._connection, name)
        return self._unseen[name]

    def check_in_use(self, name: str) -> None:
        """Raise ArchivedError where the customer of this name takes no new licences."""
        found = self.customer(name)
        if found is not None:
            customers.check_in_use(found)
        else:  # how one is called now that is not seen is not told
            unseen = self._stored(name)
            customers.check_in_use(unseen and unseen._replace(name=name))

    def check_addition(self, name: str) -> None:
        """Raise ProductUnknownError unless an order may add a product of this name."""
        if name not in self._alike:
            self._alike[name] = products.alike(self._connection, name, self._actor)
        products.check_addition(name, self._alike[name], self._actor)

    def _customer(self, name: str) -> Customer | None:
        of = self._actor.products
        if name not in self._ahead:
            return catalog_store.customer_called(self._connection, name, of)
        if self._read is None:
            self._read = catalog_store.customers_called(
                self._connection, self._ahead, of, held=self._held
            )
        return self._read.get(name)
