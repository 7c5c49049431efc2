"""A form that was previewed: what it left open is written out, so that just that is issued.

Between the preview and the button a day may end, or a product get other defaults. What was typed
is kept beside it, for whoever wants to change something.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from license_core.errors import InputInvalidError
from license_server.orders import Order
from license_server.web import forms, replacement

TYPED = "typed"
_TERMS = ("edition", "features", "limits", "match", "notify_days", "grace_days")


def settle(fields: Mapping[str, str], members: Mapping[str, Any], order: Order) -> dict[str, str]:
    """The form that orders what *order* is, with the *members* that it was made of."""
    said = {name: forms.typed(members[name]) for name in _TERMS if name in members}
    said |= {"customer": order.customer, "product": order.product, "replaces": order.replaces or ""}
    if order.expires_at is None:
        said |= {"term": "perpetual"}
    else:
        last = replacement.last_day(order.expires_at, members["time_zone"])
        said |= {"term": "expires", "expires": last.isoformat()}
    changed = {name: text for name, text in said.items() if fields.get(name, "") != text}
    typed = {name: fields.get(name, "") for name in changed}
    return {**fields, **changed, TYPED: urlencode(typed)}


def unsettle(fields: Mapping[str, str]) -> dict[str, str]:
    """The form as it was typed before ``settle``; another is as it is. Raises InputInvalidError."""
    kept = dict(fields)
    try:
        typed = dict(parse_qsl(kept.pop(TYPED, ""), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise InputInvalidError(field="body", reason="it is not a form") from error
    return kept | typed
