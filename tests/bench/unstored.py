"""The real server but for one thing: ``site.issue`` draws a licence up and stores nothing.

The token, the order, the signature, the verification and the answer are those of the real one.
"""

import sys
from typing import Any

from license_server import admin, issuing, site
from license_server.api import routes
from license_server.store import StoredLicense

_drawn: dict[str, StoredLicense] = {}


async def _issue(self: Any, order: Any, actor: str, now: int, *_: Any) -> str:
    number = issuing.new_number(now, self.random)
    drawn = issuing.draw_up(order, self.issuer, number, None, now)
    license_ = drawn.license
    _drawn[number] = StoredLicense(
        id=0,
        number=number,
        customer=license_.sub,
        product=license_.aud,
        host_key=license_.host.key,
        host_name=license_.host.name,
        issued_at=license_.iat,
        expires_at=license_.exp,
        grace_until=license_.grace_until,
        replaces=None,
        replaced_by=None,
        token=drawn.token,
        keyset_token=self.issuer.keyset_token,
        issued_by=actor,
    )
    return number


async def _read(self: Any, query: Any) -> Any:
    if _drawn:  # the one that was just drawn up
        return _drawn.pop(next(iter(_drawn)))
    return await _real_read(self, query)


_real_read = site.Site.read
site.Site.issue = _issue  # type: ignore[method-assign, assignment]
site.Site.read = _read  # type: ignore[method-assign]

if __name__ == "__main__":
    assert routes
    sys.exit(admin.main())
