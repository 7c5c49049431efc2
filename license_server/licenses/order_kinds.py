"""A kind of order: what many lines of a sheet say alike is planned once (docs/adr/0054)."""

from collections.abc import Mapping
from typing import Any

from license_core import received
from license_core.claims import ClaimError
from license_core.errors import LicenseError
from license_core.request import LicenseRequest
from license_server.catalog import customer_names
from license_server.catalog.faults import Faults
from license_server.catalog.parties import Parties
from license_server.db.postgresql import NULL_SHOWN
from license_server.licenses import orders
from license_server.licenses.planning import Plan


class OrderKind:
    """Orders that say the same as one that was planned, but for orders.APART."""

    def __init__(self, first: Plan, parties: Parties) -> None:
        """*first* was planned in the transaction of *parties*; orders are planned in it, too."""
        self._first, self._parties = first, parties
        self._is_plain = (
            first.former is None and first.uses is None and "replaces" not in first.members
        )
        self._rest = {
            name: value for name, value in first.members.items() if name not in orders.APART
        }
        self._customers: dict[str, str] = {}

    def plan(self, members: Mapping[str, Any]) -> Plan | None:
        """The plan of the order that *members* make, which are those of its kind.

        None where it must be planned by itself all the same, which then says what is wrong: the
        first one is no plain first order, or this is not.
        """
        if not self._is_plain:
            return None
        try:
            customer = self._customer(members)
            asked = self._asked(members)
            contract = orders.read_contract(members) if "contract" in members else None
        except (ClaimError, LicenseError):
            return None
        if customer is None or asked is None:
            return None
        return self._first._replace(
            members=self._rest | {name: members[name] for name in orders.APART if name in members},
            order=self._first.order._replace(customer=customer, request=asked, contract=contract),
            text=members["host"].replace("\0", NULL_SHOWN),
        )

    def _customer(self, members: Mapping[str, Any]) -> str | None:
        """What the customer is called now. Raises ClaimError, ArchivedError."""
        said = members.get("customer")
        found = self._customers.get(said) if said.__class__ is str else None
        if found is None:
            name = customer_names.read(members, "customer")
            if name is None:
                return None
            self._parties.check_in_use(name)
            customer = self._parties.customer(name)
            found = self._customers[members["customer"]] = customer.name if customer else name
        return found

    def _asked(self, members: Mapping[str, Any]) -> LicenseRequest | None:
        """For which host it is. Raises ClaimError, or as received.parse does."""
        text = orders.long_text(members, "host")
        asked = None if text is None else received.parse(text)
        if asked is None or asked.replaces is not None:
            return None
        return asked if orders.suits(asked, self._first.order.match, Faults()) else None
