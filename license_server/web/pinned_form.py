"""A form that was looked at: what it left open is written out, so that just that is done.

Between the look and the button a day may end, or a product get other rules. What was typed is kept
beside it, for whoever wants to change something, and what names the rules that were seen.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from license_server.catalog import products
from license_server.catalog.terms import CHANGES
from license_server.db.errors import InputInvalidError
from license_server.licenses.acts import Act
from license_server.licenses.orders import Order
from license_server.licenses.planning import Plan
from license_server.web import forms

TYPED, RULES = "typed", "rules"


def pin(fields: Mapping[str, str], plan: Plan) -> dict[str, str]:
    """The form that orders what *plan* does, whatever the product's defaults become."""
    order, members = plan.order, plan.members
    said = {name: forms.typed(members[name]) for name in CHANGES if name in members}
    said |= {"customer": order.customer, "product": order.product, "replaces": order.replaces or ""}
    return _pinned(fields, said | _term(order), plan)


def pin_act(fields: Mapping[str, str], act: Act, plan: Plan) -> dict[str, str]:
    """The form for *act* on a licence that does what *plan* does."""
    return _pinned(fields, _term(plan.order) if act.sets_term else {}, plan)


def unpinned(fields: Mapping[str, str]) -> dict[str, str]:
    """The form as it was typed, before its defaults were pinned; another is as it is.

    Raises InputInvalidError.
    """
    kept = dict(fields)
    kept.pop(RULES, None)
    try:
        typed = dict(parse_qsl(kept.pop(TYPED, ""), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise InputInvalidError(field="body", reason="it is not a form") from error
    return kept | typed


def _term(order: Order) -> dict[str, str]:
    if order.last is None:
        return {"term": "perpetual"}
    return {"term": "expires", "expires": order.last.day.isoformat()}


def _pinned(fields: Mapping[str, str], said: Mapping[str, str], plan: Plan) -> dict[str, str]:
    changed = {name: text for name, text in said.items() if fields.get(name, "") != text}
    typed = {name: fields.get(name, "") for name in changed}
    rules = products.rules(plan.product)
    return {**fields, **changed, TYPED: urlencode(typed), RULES: rules}
