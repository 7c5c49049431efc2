"""Permissions, and the roles made of them."""

PERMISSIONS = {
    "licenses:read": "see licences, customers, products and proposals, and fetch files",
    "licenses:issue": "issue, renew, move and change licences",
    "licenses:end": "suspend, reinstate and revoke licences",
    "proposals:decide": "approve or refuse what somebody else proposed",
    "customers:write": "add and change customers",
    "products:write": "add and change products",
    "record:read": "read and export the record, and check it",
    "people:manage": "invite people, change their roles, end their sessions",
    "tokens:manage": "make and revoke tokens",
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
