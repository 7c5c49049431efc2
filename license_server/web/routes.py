"""The desk's rooms, in the order in which their addresses are looked up."""

from license_server.web import (
    account,
    customers,
    entry,
    issue,
    licenses,
    openid,
    overview,
    preferences,
    products,
    public,
)

ROUTERS = (
    entry.anyone,
    openid.anyone,
    preferences.anyone,
    public.anyone,
    entry.router,
    account.router,
    customers.router,
    products.router,
    overview.router,
    issue.router,  # before licenses: /licenses/new is no number
    licenses.router,
)
