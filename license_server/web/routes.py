"""The desk's rooms, in the order in which their addresses are looked up."""

from license_server.web import (
    account,
    entry,
    issue,
    keys,
    licenses,
    life,
    openid,
    overview,
    preferences,
    proposals,
    public,
    record,
)

ROUTERS = (
    entry.anyone,
    openid.anyone,
    preferences.anyone,
    public.anyone,
    entry.router,
    account.router,
    overview.router,
    issue.router,  # before licenses: /licenses/new is no number
    licenses.router,
    life.router,
    proposals.router,
    record.router,
    keys.router,
)
