"""What a licence says, as people compare it: what it is now, and what it would be."""

from typing import Any, NamedTuple

from license_core.license import HostBinding, License
from license_core.request import LicenseRequest
from license_server.licenses.orders import Order


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
        return cls(
            customer=license_.sub,
            product=license_.aud,
            match=license_.host.match,
            ends=license_.exp,
            **_common(license_, license_.host),
        )

    @classmethod
    def of_order(cls, order: Order) -> "Terms":
        """What the licence would say that *order* asks for."""
        return cls(
            customer=order.customer,
            product=order.product,
            match=order.match,
            ends=order.expires_at,
            **_common(order, order.request),
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


def _common(said: License | Order, host: HostBinding | LicenseRequest) -> dict[str, Any]:
    """What is called alike in both."""
    return {
        "host_name": host.name,
        "host_key": host.key,
        "profile": host.profile,
        "warns_from": said.notify_from,
        "tolerated_until": said.grace_until,
        "covers_until": said.maintenance_until,
        "edition": said.edition,
        "features": ", ".join(said.features),
        "limits": ", ".join(f"{name}={n}" for name, n in (said.limits or {}).items()),
        "evidence": bool(host.tags),
    }
