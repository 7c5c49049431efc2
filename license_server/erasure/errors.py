"""Errors of erasing."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class LicensesLiveError(LicenseError):
    """The customer has licences that are in force."""

    row = Problem(
        "licenses-live",
        165,
        "The customer has licences in force",
        "Customer {customer} has licences that are in force, such as {number}. Its files would go "
        "on working, but nobody could renew, move or download these licences any more.",
        "Revoke them first, wait until they end, or say that this is wanted: `--live` in the "
        "shell, `live` in the API.",
    )

    customer: str
    number: str
