"""The filters of the desk, the API, exports and the shell: one meaning, one refusal."""

import pytest

from license_server.catalog.faults import faults_of
from license_server.db.errors import InputInvalidError
from license_server.licenses import filters, vocabulary
from license_server.licenses.search import Filter


def test_every_filter_is_read() -> None:
    given = dict.fromkeys(vocabulary.FILTERS, "HS-2026") | {"state": "grace", "kind": "trial"}
    given |= {"expires_from": "1970-01-02", "expires_until": "1970-01-05"}
    given |= {"expires_before": "1970-01-05"}
    wanted = filters.read(given, frozenset({"darwin"}))
    assert (wanted.expires_from, wanted.expires_until) == (1, 3)
    assert wanted.customers is None  # only the portal looks among customers
    assert None not in wanted._replace(customers=())
    assert wanted._fields == Filter._fields


def test_people_write_days_as_they_do_and_programs_in_one_form() -> None:
    given = {"expires_until": "2027/12/31", "customer": "", "state": ""}
    assert filters.read(given, None).expires_until is not None
    assert filters.read(given, None).customer is None
    with pytest.raises(InputInvalidError) as caught:
        filters.read(given, None, by_program=True)
    assert [fault.field for fault in faults_of(caught.value)] == ["state", "expires_until"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InputInvalidError) as caught:
        filters.read({"state": "lost", "expires_from": "soon", "expires_before": "x"}, None)
    fields = [fault.field for fault in faults_of(caught.value)]
    assert fields == ["state", "expires_from", "expires_before"]
    assert caught.value.sentence.startswith("state: 'lost' is not one of valid, grace, active, ")
