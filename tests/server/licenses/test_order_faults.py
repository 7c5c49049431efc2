"""Parsing an order: every error at its member, and none that only follows from another."""

from license_server.catalog.faults import Faults
from license_server.licenses import orders
from tests.support.wrong_values import GONE, ORDER, WRONG, cases

NOW = 1_795_000_000


def test_every_order_error_is_reported_at_its_member_in_order() -> None:
    wrong = {name: WRONG[name] for name in WRONG if name != "reason"}  # that one is of the act
    for case in cases(ORDER, wrong, most=7):
        expected = [name for name in case.wrong if case.members[name] != GONE]
        noted = Faults()
        order = orders.parse_order(case.members, NOW, noted)
        assert [fault.member for fault in noted] == expected, case
        assert (order is None) is bool(expected)


def test_errors_in_all_members_are_reported_together() -> None:
    noted = Faults()
    sent = ORDER | {name: values[0] for name, values in WRONG.items() if name != "reason"}
    assert orders.parse_order(sent, NOW, noted) is None
    assert {fault.member for fault in noted} == WRONG.keys() - {"reason"}


def test_members_that_depend_on_a_wrong_one_are_not_reported() -> None:
    """Evidence beside a text that cannot be read, days before the end of an unknown term."""
    for sent, expected in (
        ({"host": "hello", "match": "anchored"}, ["host"]),
        ({"days": 0, "notify_days": 7, "grace_days": 7}, ["days"]),
        ({"days": None, "perpetual": "yes", "notify_days": 7}, ["perpetual"]),
        ({"days": None, "expires": "soon", "grace_days": 7}, ["expires"]),
    ):
        noted = Faults()
        orders.parse_order(ORDER | sent, NOW, noted)
        assert [fault.member for fault in noted] == expected, sent


def test_date_with_a_wrong_time_zone_is_past_only_if_past_everywhere() -> None:
    zone = {"days": None, "time_zone": "Nowhere"}
    for day, expected in (
        ("2026-11-17", ["time_zone"]),  # not yet over in the latest time zone
        ("2026-11-16", ["time_zone", "expires"]),
    ):
        noted = Faults()
        orders.parse_order(ORDER | zone | {"expires": day}, NOW, noted)
        assert [fault.member for fault in noted] == expected, day


def test_perpetual_order_rejects_notice_and_grace_days() -> None:
    noted = Faults()
    sent = ORDER | {"days": None, "perpetual": True, "notify_days": 7, "grace_days": 7}
    orders.parse_order(sent, NOW, noted)
    assert [fault.member for fault in noted] == ["notify_days", "grace_days"]
