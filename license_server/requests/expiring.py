"""Closes the requests that nobody dealt with, and forgets what was written about closed ones.

Both after the same number of days: what was pasted, notes and replies are about people. The request
itself stays, as does the operator's text of each licence.
"""

from sqlalchemy import Connection

from license_server.actor import SERVER
from license_server.requests import message_store, outcomes, request_store

_DAY = 86400
_AT_ONCE = 200


def expire(connection: Connection, now: int, days: int) -> int:
    """Do both for what is older than so many *days*; how many requests were closed.

    At most a few hundred: who calls again goes on.
    """
    before = now - days * _DAY
    overdue = request_store.overdue(connection, before, _AT_ONCE)
    closed = [outcomes.expire(connection, id_, SERVER, now) for id_ in overdue]
    message_store.forget(connection, before)
    return sum(one is not None for one in closed)
