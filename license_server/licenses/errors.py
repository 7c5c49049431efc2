"""What is refused of an order, a licence or a proposal."""

from license_core.errors import LicenseError
from license_core.problems import Problem


class LicenseStateError(LicenseError):
    """What became of the licence does not allow this act."""

    row = Problem(
        "license-state",
        90,
        "The licence does not allow this now",
        "Licence {number}: {act} is not possible, it {became}.",
        "`{server} history {number}` (over the API: …/licenses/{number}/history) says what became "
        "of it; act on the one that is in force.",
    )

    number: str
    act: str
    became: str


class TermOverError(LicenseError):
    """The term that is asked for has ended."""

    row = Problem(
        "term-over",
        114,
        "The term is over already",
        "{field}: {last} is over.",
        "Choose a later end, or renew the licence first.",
    )

    field: str
    last: str


class TermTooLongError(LicenseError):
    """The product allows no term as long as this."""

    row = Problem(
        "term-too-long",
        91,
        "The term is longer than the product allows",
        "The product {product} allows {days} days; asked for was {asked}.",
        "Choose an earlier end, or have an administrator change the product.",
    )

    product: str
    days: int
    asked: str


class RehostsUsedUpError(LicenseError):
    """The licence has moved to another host as often as the product allows."""

    row = Problem(
        "rehosts-used-up",
        92,
        "The licence may not move to another host again",
        "Licence {number} has moved to another host as often as the product {product} allows "
        "({allowed}).",
        "Have an administrator raise the number of moves that the product allows.",
    )

    number: str
    allowed: int
    product: str


class EvidenceMissingError(LicenseError):
    """A licence cannot be anchored to a host of which only the key is known."""

    row = Problem(
        "evidence-missing",
        115,
        "An anchored licence needs evidence of the host",
        "Of the host {key} only its key is known; an anchored licence needs the evidence that a "
        "whole request carries.",
        "Ask the operator for the output of `python cmd/cli.py request`, "
        "or issue an exact licence.",
    )

    field: str
    key: str


class ApprovalPendingError(LicenseError):
    """A second person must approve it before there is a licence."""

    row = Problem(
        "approval-pending",
        96,
        "A second person must approve it",
        "Licences for {product} need a second person; it waits as proposal {id}.",
        "Once it is approved, fetch the file at the desk.",
    )

    id: int
    product: str


class ProposalDecidedError(LicenseError):
    """Somebody has decided the proposal already."""

    row = Problem(
        "proposal-decided",
        93,
        "The proposal is decided already",
        "Proposal {id} is {state}, by {decided_by}.",
        "Look at it again; nothing was done.",
    )

    id: int
    state: str
    decided_by: str


class LicenseNotWrittenError(LicenseError):
    """A licence was issued and recorded, and its file could not be written."""

    row = Problem(
        "license-not-written",
        66,
        "The licence was issued, but its file could not be written",
        "Licence {number} was issued, but its file could not be written to {path}: {reason}.",
        "Do not issue it again; fetch it: `{server} file {number} -o FILE`.",
    )

    number: str
    path: str
    reason: str
