"""What is remarked on an order before it is signed; none of it refuses the order."""

from license_core.errors import Notice
from license_core.notices import Remark

NOTICES: dict[str, Remark] = {
    "host-has-licence": Remark(
        "warning",
        "This host has a licence for {product} already: {number} for {customer}; it stays valid "
        "beside the new one.",
        "If the new one is meant instead of it, name {number} as the one to be replaced: "
        "`--replaces {number}`, or “Replaces” in the form.",
    ),
    "host-of-another-customer": Remark(
        "warning",
        "This host has a licence of another customer: {number} for {customer}.",
        "Ask whose host it is before you issue.",
    ),
    "customer-new": Remark(
        "note",
        "Nothing was issued to {customer} before.",
        "Is the name written as you always write it?",
    ),
    "customer-alike": Remark(
        "warning",
        "There is a customer whose name is nearly {customer}: {alike}.",
        "If the same is meant, write the name as it stands there; "
        "a second customer would be added.",
    ),
    "former-host-keeps-file": Remark(
        "warning",
        "The former host {host} keeps its file of {number}, which stays valid there {until}, or "
        "until the next list of revoked licences is put there.",
        "Ask the operator to delete conf/license.dat on the former host, "
        "and to confirm that it is done.",
    ),
    "product-new": Remark(
        "warning",
        "Nothing was issued for the product {product} before.",
        "It must be the name in the product's hostseal.toml, or the licence is refused there.",
    ),
    "gpus-more-than-licensed": Remark(
        "warning",
        "The host has {present} GPUs; the licence allows {allowed}.",
        "License as many as there are, or have fewer of them made visible there.",
    ),
    "needs-approval": Remark(
        "note",
        "Licences for {product} are issued once a second person has approved them.",
        "It waits for an approver.",
    ),
}


class OrderNotice(Notice):
    """A remark on an order."""

    __slots__ = ()

    @property
    def row(self) -> Remark:
        """Its row of this table."""
        return NOTICES[self.slug]
