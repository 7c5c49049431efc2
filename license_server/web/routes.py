"""The desk's rooms, in the order in which their addresses are looked up."""

from license_server.web import (
    account,
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
    sheets,
    tokens,
)
from license_server.web import (
    acts as life,
)
from license_server.web import (
    login as entry,
)
from license_server.web import (
    revocation_file as published,
)
from license_server.web import (
    static_files as public,
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
