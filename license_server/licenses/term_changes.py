"""What a licence says, as people compare it: what it is now, and what it would be."""

from typing import Any, NamedTuple

from license_core.license import HostBinding, License
from license_core.request import LicenseRequest
from license_server.licenses import issuing, term_days
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.orders import Order
from license_server.licenses.term_days import Day


class Terms(NamedTuple):
    """What a licence says, or would say."""

    customer: str
    product: str
    host_name: str | None
    host_key: str
    profile: str
    match: str
    ends: Day | None
    warns_from: Day | None
    tolerated_until: Day | None
    covers_until: Day | None
    edition: str | None
    features: str
    limits: str
    evidence: bool
    """Whether it says what the parts of its host are."""

    @classmethod
    def of_license(cls, stored: StoredLicense) -> "Terms":
        """What *stored* says."""
        license_ = issuing.claims_of(stored)
        return cls(
            customer=license_.sub,
            product=license_.aud,
            match=license_.host.match,
            ends=stored.last,
            **_common(license_, license_.host, stored.zone),
        )

    @classmethod
    def of_order(cls, order: Order) -> "Terms":
        """What the licence would say that *order* asks for."""
        return cls(
            customer=order.customer,
            product=order.product,
            match=order.match,
            ends=order.last,
            **_common(order, order.request, order.time_zone),
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


def _common(said: License | Order, host: HostBinding | LicenseRequest, zone: str) -> dict[str, Any]:
    """What is called alike in both; *zone* is that of its days."""
    return {
        "host_name": host.name,
        "host_key": host.key,
        "profile": host.profile,
        "warns_from": term_days.first_of(said.notify_from, zone),
        "tolerated_until": term_days.last_of(said.grace_until, zone),
        "covers_until": term_days.last_of_any(said.maintenance_until, zone),
        "edition": said.edition,
        "features": ", ".join(said.features),
        "limits": ", ".join(f"{name}={n}" for name, n in (said.limits or {}).items()),
        "evidence": bool(host.tags),
    }
