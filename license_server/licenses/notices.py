"""Remarks on an order before it is signed; none of them prevents issuing."""

from license_core.errors import Notice
from license_core.notices import Remark
from license_server.catalog import client_commands

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
        "Find out whose host it is: a licence for the wrong customer has to be revoked.",
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
    "by-exception": Remark(
        "warning",
        "It is an exception. {what}",
        "The reason is kept in the audit log.",
    ),
    "customer-renamed": Remark(
        "note",
        "The customer {former} is called {name} by now; the licence is issued to {name}.",
        "If another customer is meant, add it under another name first.",
    ),
    "host-alike-has-licence": Remark(
        "warning",
        "{customer} has a valid licence for {product} on what may be the same host: {number}. "
        "{what}",
        "If that one is to go on here, move it instead (`{server} rehost {number}`): with a new "
        "one, two licences are valid.",
    ),
    "host-key-near": Remark(
        "warning",
        "The host key differs in one place from that of {number} ({host}): it may be mistyped.",
        "Compare it with what `{key_command}` prints on the host: a licence for a mistyped key is "
        "valid nowhere.",
    ),
    "host-differs": Remark("note", "{what}", "{prevention}"),
    "move-not-needed": Remark(
        "warning",
        "{number} is anchored, and machine and container are the same: it is valid on this host "
        "as it is.",
        "Do not move it before you know why the product stopped: ask for the output of "
        "`{explain}`.",
    ),
    "move-loses-tags": Remark(
        "warning",
        "The new licence has no host tags, and {number} has them: the next time the product stops, "
        "only the state file on the host can tell what changed.",
        "Better ask the operator for the output of `{request}`, and move it with that.",
    ),
    "former-file-replaced-as-reported": Remark(
        "note",
        "It is the same host, as its own report says: the new file takes the place of that of "
        "{number} there.",
        "Nothing has to be deleted. Host tags, which a request has, would prove it.",
    ),
    "former-file-replaced": Remark(
        "note",
        "It is the same host: the new file takes the place of that of {number} there.",
        "Nothing has to be deleted.",
    ),
    "former-host-may-keep-file": Remark(
        "warning",
        "If the former container or machine ({host}) still exists, with its own copy of the file "
        "of {number}, that stays valid there {until}, unless a new revocation list is installed "
        "there.",
        "Ask the operator to remove the former container, if it is still there. On a volume that "
        "both have, the new file takes the place of the former one: there nothing must be deleted.",
    ),
    "former-host-keeps-file": Remark(
        "warning",
        "The former host {host} still has the file of {number}, which stays valid there "
        "{until}, unless a new revocation list is installed there.",
        "Ask the operator to delete {file} on the former host and to confirm it; not in "
        "a folder that the new host has too: there it is the new file.",
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
    "licensed-cluster": Remark(
        "warning",
        "This licence is for all pods of one cluster, however many there are. The operator says "
        "which cluster it is: whoever hands in the same UID elsewhere can use it there.",
        "Agree on what it may be used for. Clients from before 2026-11-30 reject it.",
    ),
    "licensed-site": Remark(
        "warning",
        "This licence is for all containers on the machines of one site ({machines:not said how "
        "many|# machine|# machines}). A copy of the site's folder is rejected on another machine, "
        "unless that machine's id is a copy, too.",
        "Compare the number of machines with what was agreed; a machine that is added later needs "
        "a new licence. Clients from before 2026-11-30 reject it.",
    ),
    "row-same-host": Remark(
        "warning",
        "Row {line} of the file is for the same customer, product and host.",
        "Remove one of them, unless two licences are meant.",
    ),
    "row-contact-unused": Remark(
        "warning",
        "The customer {customer} exists already; the contact in this row is not taken over.",
        "Change it on the customer's page, or with `{server} customer change`.",
    ),
    "row-host-has-licence": Remark(
        "warning",
        "{customer} has a valid licence for {product} on this host already: {number}. It stays "
        "valid alongside the new one.",
        "If the new one is to replace it, write {number} into the column `replaces`; to let it "
        "last longer, renew it instead.",
    ),
    "row-twice": Remark(
        "warning",
        "Row {line} of the file says the very same.",
        "Remove one of them, unless two licences are meant.",
    ),
    # why a product stopped
    "stop-replaced": Remark(
        "warning",
        "The host has {former}, which was replaced by {number}.",
        "Send the file of {number} to the operator.",
    ),
    "stop-licensed-here": Remark(
        "warning",
        "There is a valid licence for the host as it is now: {number}.",
        "Send its file to the operator.",
    ),
    "stop-suspended": Remark(
        "warning",
        "{number} is suspended.",
        "Reinstate it, if what it was suspended for is settled.",
    ),
    "stop-revoked": Remark(
        "warning",
        "{number} was revoked.",
        "See its history for the reason. If it was a mistake, undo the revocation.",
    ),
    "stop-returned": Remark(
        "warning",
        "{number} was given back.",
        "For another host, move it there. If it was a mistake, reinstate it.",
    ),
    "stop-given-back": Remark(
        "note",
        "The operator gave {number} back, and the secret that it names proves that the text is "
        "from its host.",
        "End it as given back: moving it to another host then does not count as a rehost.",
    ),
    "stop-said-given-back": Remark(
        "warning",
        "The text says that {number} was given back, and proves nothing.",
        "Ask whoever sent it. If you believe it, end the licence as given back, without evidence.",
    ),
    "stop-expired": Remark("warning", "{number} was valid until the end of {day}.", "Renew it."),
    "stop-host-changed": Remark(
        "warning",
        "{what}",
        "Rehost {number} to the host as it is now. {how}",
    ),
    "stop-host-unsaid": Remark(
        "warning",
        "{what}",
        "Ask the operator for the output of `{request}`, and paste it here. {how}",
    ),
    "stop-address-back": Remark(
        "note",
        "Without a new licence: {number} is valid again once the host has the address {address} "
        "again.",
        "`{explain}` there prints what to do for it.",
    ),
    "stop-gpus": Remark(
        "warning",
        "The host has more GPUs than {number} covers.",
        "Change its limit, or have fewer GPUs made visible to the container.",
    ),
    "stop-feature": Remark(
        "warning",
        "The product asks for a feature that {number} does not include.",
        "Change its features, if that was agreed.",
    ),
    "stop-maintenance": Remark(
        "warning",
        "The product's version was released after the maintenance of {number} ended.",
        "Extend its maintenance, if that was agreed.",
    ),
    "stop-product": Remark(
        "warning",
        "{number} is for the product {product}, but it is installed in another one.",
        "Install it where it belongs, or issue a licence for the other product.",
    ),
    "stop-file": Remark(
        "warning",
        "The file of {number} is not in place, or not as it was sent: {reason}.",
        "Send it again, as an attachment.",
    ),
    "stop-on-host": Remark(
        "warning",
        "{reason}: this is mended on the host, not by a licence.",
        "The client prints what to do. If that does not help, ask for a support bundle: "
        "`{doctor} --bundle support.json`.",
    ),
    "stop-not-by-licence": Remark(
        "note",
        "The client says that {number} is valid: the product did not stop because of its licence.",
        "Look at the product's own log.",
    ),
    "stop-same-host": Remark(
        "note",
        "{number} is for this very host.",
        "If it is not installed there, send its file; if it is, ask for the output of `{explain}`.",
    ),
    "request-filed-before": Remark(
        "note",
        "This was asked before: it is request {id}, which is {state}.",
        "Nothing was filed twice; what is new in it stands in the conversation.",
    ),
    "request-answered": Remark(
        "note",
        "This was asked before, as request {id}, and {number} was issued for it.",
        "If the operator does not have it, send its file again.",
    ),
    "needs-approval": Remark(
        "note",
        "Licences for {product} are issued only after a second person has approved them.",
        "It will wait for an approver.",
    ),
}


class OrderNotice(Notice):
    """A remark on an order; it names the commands of a product once ``tell`` told it those."""

    more = client_commands.DEFAULT.facts()

    @property
    def row(self) -> Remark:
        """Its row of this table."""
        return NOTICES[self.slug]
