"""The desk's rooms, in the order in which their addresses are looked up."""

from license_server.web import (
    account,
    acts,
    customers,
    issue,
    keys,
    licenses,
    openid,
    overview,
    people,
    preferences,
    products,
    proposals,
    record,
    revocation_file,
    sheets,
    sign_in,
    static_files,
    tokens,
)

ROUTERS = (
    sign_in.anyone,
    openid.anyone,
    preferences.anyone,
    static_files.anyone,
    revocation_file.anyone,
    sign_in.router,
    account.router,
    customers.router,
    products.router,
    people.router,
    sheets.router,
    tokens.router,
    overview.router,
    issue.router,  # before licenses: /licenses/new is no number
    licenses.router,
    acts.router,
    proposals.router,
    record.router,
    keys.router,
)
