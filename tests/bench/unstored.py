"""The real server but for one thing: what it issues is stored nowhere.

The token, the order, the signature, the verification and the answer are those of the real one.
"""

import sys
from typing import Any

from license_server import site
from license_server.actor import Actor
from license_server.catalog.faults import Faults
from license_server.cli import main
from license_server.db.reply_store import Reply
from license_server.licenses import issuing, orders
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest


async def _without_storing(
    self: site.Site,
    wanted: ActRequest,
    actor: Actor,
    now: int,
    tell: site.RenderReply,
    _: Any = None,
) -> Reply:
    faults = Faults()
    order = orders.parse_order(wanted.members, now, faults)
    faults.check()
    assert order is not None
    drawn = issuing.sign_and_verify(order, self.issuer, issuing.new_number(now, self.random), now)
    license_ = drawn.license
    return tell(
        StoredLicense(
            id=1,
            number=license_.jti,
            customer=license_.sub,
            product=license_.aud,
            host_key=license_.host.key,
            host_name=license_.host.name,
            issued_at=now,
            expires_at=license_.exp,
            grace_until=license_.grace_until,
            replaces=None,
            replaced_by=None,
            token=drawn.token,
            keyset_token=self.issuer.keyset_token,
            issued_by=actor.name,
            line=license_.jti,
            act="issue",
            state="active",
            time_zone=order.time_zone,
            last_day=None,
            contract=None,
            customer_id=1,
            product_id=1,
            plan=None,
            kind=None,
            stands_for=None,
            despite=None,
        )
    )


site.Site.act = _without_storing  # type: ignore[method-assign, assignment]

if __name__ == "__main__":
    sys.exit(main.main())
