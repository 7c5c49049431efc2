"""Errors of orders, licences and proposals."""

from license_core.errors import LicenseError
from license_core.problem import Problem
from license_server.catalog import client_commands


class LicenseStateError(LicenseError):
    """What became of the licence does not allow this act."""

    row = Problem(
        "license-state",
        90,
        "The licence's state does not allow this",
        "Cannot {act} licence {number}: it {became}.",
        "`{server} history {number}` (API: …/licenses/{number}/history) shows what "
        "happened to it and which licence replaced it, if any.",
    )

    number: str
    act: str
    became: str


class LicenseErasedError(LicenseError):
    """Of the licence only what was sold is left."""

    row = Problem(
        "license-erased",
        164,
        "The licence was erased with its customer",
        "Licence {number} was erased with its customer: what was sold and until when is kept, the "
        "file is not.",
        "The file at the customer works until it ends. For a new one, issue a new licence.",
    )

    number: str


class TermOverError(LicenseError):
    """The term that is asked for has ended."""

    row = Problem(
        "term-over",
        114,
        "The term has already ended",
        "{field}: {last} is in the past.",
        "Choose a later date, or renew the licence first.",
    )

    field: str
    last: str


class TermTooLongError(LicenseError):
    """The product allows no term as long as this."""

    row = Problem(
        "term-too-long",
        91,
        "The term is longer than the product allows",
        "The product {product} has a {days}-day limit on terms; the order asks for {asked}.",
        "Choose an earlier date, or have an administrator change the product.",
    )

    product: str
    days: int
    asked: str


class RehostsUsedUpError(LicenseError):
    """The licence has moved to another host as often as the product allows."""

    row = Problem(
        "rehosts-used-up",
        92,
        "The licence cannot be rehosted again",
        "Licence {number} has been rehosted as often as the product {product} allows ({allowed}).",
        "Have an administrator raise the number of rehosts that the product allows.",
    )

    number: str
    allowed: int
    product: str


class TrialUsedError(LicenseError):
    """The customer, or the host, had a trial of the product before."""

    row = Problem(
        "trial-used",
        122,
        "There was a trial already",
        "{who} had a trial of {product} before: {number}, issued on {day}.",
        "Choose another plan, or renew the trial with another plan. Who has the permission "
        "licenses:override can issue it as an exception and says why (API: `override`, `reason`; "
        "shell: `--override --reason TEXT`).",
    )

    who: str
    product: str
    number: str
    day: str


class StopGapUsedError(LicenseError):
    """The customer had a stop-gap within the year."""

    row = Problem(
        "stop-gap-used",
        123,
        "The customer had a stop-gap within the year",
        "{customer} had a stop-gap on {day} ({number}); the next can be issued from {again}.",
        "Move or renew the licence instead. Who has the permission licenses:override can issue it "
        "as an exception and says why (API: `override`, `reason`; "
        "shell: `--override --reason TEXT`).",
    )

    customer: str
    number: str
    day: str
    again: str


class EvidenceMissingError(LicenseError):
    """A licence cannot be anchored to a host of which only the key is known."""

    row = Problem(
        "evidence-missing",
        115,
        "An anchored licence needs a full request",
        "Only the host key of {key} is known; an anchored licence also needs the host tags "
        "of a full request.",
        "Ask the operator for the output of `{request}`, or issue an exact licence.",
    )
    more = client_commands.DEFAULT.facts()

    field: str
    key: str


class ApprovalPendingError(LicenseError):
    """A second person must approve it before there is a licence."""

    row = Problem(
        "approval-pending",
        96,
        "Approval by a second person is required",
        "Licences for {product} must be approved by a second person; this one is waiting "
        "as proposal {id}.",
        "Once it is approved, download the file at the desk, or write it with "
        "`{server} file NUMBER -o license.dat`; `{server} proposal list` tells its number.",
    )

    id: int
    product: str


class ProposalDecidedError(LicenseError):
    """Somebody has decided the proposal already."""

    row = Problem(
        "proposal-decided",
        93,
        "The proposal has already been decided",
        "Proposal {id} was {state} by {decided_by}.",
        "Nothing was done; reload the proposal.",
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
        "Do not issue it again; write the file again: `{server} file {number} -o FILE`.",
    )

    number: str
    path: str
    reason: str
