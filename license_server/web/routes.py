"""The desk's rooms, in the order in which their addresses are looked up."""

from license_server.web import (
    account,
    customers,
    entry,
    issue,
    keys,
    licenses,
    life,
    openid,
    overview,
    people,
    preferences,
    products,
    proposals,
    public,
    published,
    record,
    sheets,
    tokens,
)

ROUTERS = (
    entry.anyone,
    openid.anyone,
    preferences.anyone,
    public.anyone,
    published.anyone,
    entry.router,
    account.router,
    customers.router,
    products.router,
    people.router,
    sheets.router,
    tokens.router,
    overview.router,
    issue.router,  # before licenses: /licenses/new is no number
    licenses.router,
    life.router,
    proposals.router,
    record.router,
    keys.router,
)
