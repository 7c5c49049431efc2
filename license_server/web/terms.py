"""What a licence says, as people compare it: what it is now, and what it would be."""

from typing import Any, NamedTuple

from license_core.license import License
from license_server.orders import Order


class Terms(NamedTuple):
    """What a licence says, or would say. Instants are in seconds."""

    customer: str
    product: str
    host_name: str | None
    host_key: str
    profile: str
    match: str
    ends: int | None
    warns_from: int | None
    tolerated_until: int | None
    covers_until: int | None
    edition: str | None
    features: str
    limits: str
    evidence: bool
    """Whether it says what the parts of its host are."""

    @classmethod
    def of_license(cls, license_: License) -> "Terms":
        """What *license_* says."""
        host = license_.host
        return cls(
            customer=license_.sub,
            product=license_.aud,
            host_name=host.name,
            host_key=host.key,
            profile=host.profile,
            match=host.match,
            ends=license_.exp,
            warns_from=license_.notify_from,
            tolerated_until=license_.grace_until,
            covers_until=license_.maintenance_until,
            edition=license_.edition,
            features=", ".join(license_.features),
            limits=_listed(license_.limits or {}),
            evidence=bool(host.tags),
        )

    @classmethod
    def of_order(cls, order: Order) -> "Terms":
        """What the licence would say that *order* asks for."""
        host = order.request
        return cls(
            customer=order.customer,
            product=order.product,
            host_name=host.name,
            host_key=host.key,
            profile=host.profile,
            match=order.match,
            ends=order.expires_at,
            warns_from=order.notify_from,
            tolerated_until=order.grace_until,
            covers_until=order.maintenance_until,
            edition=order.edition,
            features=", ".join(order.features),
            limits=_listed(order.limits),
            evidence=bool(host.tags),
        )


class Difference(NamedTuple):
    """A member of Terms that is not as it was."""

    name: str
    before: Any
    after: Any


def differences(before: Terms, after: Terms) -> list[Difference]:
    """What *after* says otherwise than *before*, in the order of Terms."""
    return [
        Difference(name, getattr(before, name), getattr(after, name))
        for name in Terms._fields
        if getattr(before, name) != getattr(after, name)
    ]


def _listed(limits: Any) -> str:
    return ", ".join(f"{name}={n}" for name, n in limits.items())
