"""What the API replies to a search of everything."""

from dataclasses import dataclass

from license_server.api.catalog_responses import Customer, Product
from license_server.api.license_responses import License, Proposal
from license_server.api.request_responses import LicenseRequest


@dataclass(slots=True, kw_only=True)
class Finding:
    """What has what was typed, at most 20 of a kind."""

    licenses: list[License]
    more: bool
    customers: list[Customer]
    products: list[Product]
    proposals: list[Proposal]
    requests: list[LicenseRequest]
