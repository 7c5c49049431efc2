"""The desk's rooms, in the order in which their addresses are looked up."""

from license_server.web import (
    account,
    entry,
    issue,
    keys,
    licenses,
    openid,
    overview,
    preferences,
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
    record.router,
    keys.router,
)
