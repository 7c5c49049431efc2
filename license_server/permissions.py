"""Permissions, and the roles made of them."""

PERMISSIONS = {
    "licenses:read": "view licences, customers, products and proposals, and download files",
    "licenses:issue": "issue, renew, rehost and change licences",
    "licenses:end": "suspend, reinstate and revoke licences",
    "licenses:override": "issue a second trial or stop-gap, with a reason",
    "proposals:decide": "approve or refuse the proposals of others",
    "requests:read": "view requests, who sent them and what was written about them",
    "requests:write": "file, take, answer and refuse requests",
    "customers:write": "add and change customers",
    "customers:erase": "erase customers",
    "products:write": "add and change products",
    "revocations:publish": "publish revocation lists",
    "record:read": "read, export and verify the audit log",
    "people:manage": "invite users, change their roles, end their sessions",
    "people:erase": "erase users",
    "tokens:manage": "create and revoke API tokens",
    "portal:manage": "make and withdraw links to the customer portal",
    "webhooks:manage": "add, change and pause webhooks, send again what they were told",
}
"""Each permission and what it allows."""

WHOLE = frozenset(
    {
        *("revocations:publish", "record:read", "people:manage", "tokens:manage"),
        *("webhooks:manage", "customers:erase", "people:erase"),
    }
)
"""Those that are of the whole server: nobody has them for some products only."""

ROLES = {
    "administrator": frozenset(PERMISSIONS),
    "issuer": frozenset(
        {
            *("licenses:read", "licenses:issue", "licenses:end"),
            *("requests:read", "requests:write", "portal:manage"),
            *("customers:write", "revocations:publish"),
        }
    ),
    "approver": frozenset({"licenses:read", "proposals:decide", "requests:read"}),
    "auditor": frozenset({"licenses:read", "record:read", "requests:read"}),
    "reader": frozenset({"licenses:read", "requests:read"}),
}
"""Each role and its permissions."""
