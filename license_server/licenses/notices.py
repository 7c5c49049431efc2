"""Remarks on an order before it is signed; none of them prevents issuing."""

from license_core.errors import Notice
from license_core.notices import Remark

NOTICES: dict[str, Remark] = {
    "host-has-licence": Remark(
        "warning",
        "This host already has a licence for {product}: {number} for {customer}; it stays "
        "valid alongside the new one.",
        "If the new licence is to replace it, give its number: `--replaces {number}`, or "
        "“Replaces” in the form.",
    ),
    "host-of-another-customer": Remark(
        "warning",
        "This host has another customer's licence: {number} for {customer}.",
        "Find out whose host it is before you issue.",
    ),
    "customer-new": Remark(
        "note",
        "This is the first licence for {customer}.",
        "Check that the name is spelled as usual.",
    ),
    "customer-alike": Remark(
        "warning",
        "There is a customer with a name like {customer}: {alike}.",
        "If it is the same customer, use the existing spelling; otherwise a second "
        "customer is added.",
    ),
    "former-host-keeps-file": Remark(
        "warning",
        "The former host {host} still has the file of {number}, which stays valid there "
        "{until}, unless a new revocation list is installed there.",
        "Ask the operator to delete conf/license.dat on the former host and to confirm it.",
    ),
    "product-new": Remark(
        "warning",
        "This is the first licence for the product {product}.",
        "The name must match the product's hostseal.toml, or the product rejects the licence.",
    ),
    "gpus-more-than-licensed": Remark(
        "warning",
        "GPUs on the host: {present}; allowed by the licence: {allowed}.",
        "License all of them, or have fewer made visible to the container.",
    ),
    "takes-away": Remark(
        "warning",
        "The new licence grants less than {number}: {reason}.",
        "If that is not what was agreed, correct the order before it is issued.",
    ),
    "anchored-by-machine": Remark(
        "warning",
        "This anchored licence is bound to the machine id alone: it is valid in every container, "
        "and on every copy of the machine, that has this id.",
        "Choose `exact` if one licence is to be for one of them only.",
    ),
    "needs-approval": Remark(
        "note",
        "Licences for {product} are issued only after a second person has approved them.",
        "It will wait for an approver.",
    ),
}


class OrderNotice(Notice):
    """A remark on an order."""

    __slots__ = ()

    @property
    def row(self) -> Remark:
        """Its row of this table."""
        return NOTICES[self.slug]
