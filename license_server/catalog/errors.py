"""Errors of customers and products."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class ProductUnknownError(LicenseError):
    """An order names a product that there is not, and does not make it."""

    row = Problem(
        "product-unknown",
        121,
        "There is no such product",
        "There is no product {product}: {reason}.",
        "Correct the name. If it is a new product, have it added first: "
        "`{server} product add {product}`.",
    )

    field: str
    product: str
    reason: str


class PlanUnknownError(LicenseError):
    """An order names a plan that its product does not have, or has archived."""

    row = Problem(
        "plan-unknown",
        124,
        "There is no such plan",
        "The product {product} has no plan {plan}: {reason}.",
        "Correct the name, or leave it out. A new plan has to be added first: "
        "`{server} plan add {product} NAME`.",
    )

    field: str
    product: str
    plan: str
    reason: str


class ArchivedError(LicenseError):
    """The customer or product takes no new licences."""

    row = Problem(
        "archived",
        120,
        "It is archived",
        "The {what} {name} is archived: it takes no new licences. Those it has can be renewed, "
        "moved and changed.",
        "If it is in use again, take it out of the archive, at its page or with the command "
        "`unarchive`.",
    )

    what: str
    name: str
