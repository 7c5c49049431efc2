"""Permissions, and the roles made of them."""

PERMISSIONS = {
    "licenses:read": "view licences, customers, products and proposals, and download files",
    "licenses:issue": "issue, renew, rehost and change licences",
    "licenses:end": "suspend, reinstate and revoke licences",
    "proposals:decide": "approve or refuse the proposals of others",
    "customers:write": "add and change customers",
    "products:write": "add and change products",
    "record:read": "read, export and verify the audit log",
    "people:manage": "invite users, change their roles, end their sessions",
    "tokens:manage": "create and revoke API tokens",
}
"""Each permission and what it allows."""

WHOLE = frozenset({"record:read", "people:manage", "tokens:manage"})
"""Those that are of the whole server: nobody has them for some products only."""

ROLES = {
    "administrator": frozenset(PERMISSIONS),
    "issuer": frozenset({"licenses:read", "licenses:issue", "licenses:end", "customers:write"}),
    "approver": frozenset({"licenses:read", "proposals:decide"}),
    "auditor": frozenset({"licenses:read", "record:read"}),
    "reader": frozenset({"licenses:read"}),
}
"""Each role and its permissions."""
