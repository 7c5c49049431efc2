"""What waits at the same moment is issued together; no one's fault is another's."""

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import Connection, event, text

from license_server.licenses import issuing
from license_server.licenses.together import Asked
from tests.support.desk import Desk, still
from tests.support.postgres import on_sqlite
from tests.support.server import LINE

PATH = "/api/v1/licenses"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


class Request(NamedTuple):
    """An order, and the key that it comes with."""

    order: dict[str, Any]
    key: str | None = None


@contextmanager
def writer_held(desk: Desk) -> Iterator[Callable[[], None]]:
    """Let the writer be busy until the end of the block, or what it gives is called."""
    gate, begun = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        gate.wait(60)

    busy = desk.site.database.writer.submit(hold)
    begun.wait(60)
    try:
        yield gate.set
    finally:
        gate.set()
        busy.result()


def at_once(desk: Desk, requests: Sequence[Request]) -> list[httpx.Response]:
    """The replies to *requests*, all of which wait for the writer at the same moment."""
    writer = desk.site.database.writer

    async def send(let_go: Callable[[], None]) -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=desk.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:

            async def post(one: Request) -> httpx.Response:
                key = {} if one.key is None else {"Idempotency-Key": one.key}
                return await client.post(PATH, json=one.order, headers=desk.bearer | key)

            tasks = [asyncio.create_task(post(one)) for one in requests]
            while writer.waiting() < len(requests):
                await asyncio.sleep(0)
            let_go()
            return list(await asyncio.gather(*tasks))

    with writer_held(desk) as let_go:
        return asyncio.run(send(let_go))


def prepared(desk: Desk) -> None:
    """Let the customer and the product be there."""
    desk.client.post(PATH, json=ORDER, headers=desk.bearer).raise_for_status()


_keys = (f"key {number}" for number in itertools.count())


def many(count: int) -> list[Request]:
    return [Request(ORDER | {"days": 30 + n}, next(_keys)) for n in range(count)]


@contextmanager
def listening(desk: Desk) -> Iterator[tuple[list[str], list[object]]]:
    """What is said to the database for those who ask meanwhile, and what that refuses."""
    engine, statements, refused = desk.site.database.engine, list[str](), list[object]()

    def note(_: object, __: object, said: str, *___: object) -> None:
        if threading.current_thread().name == "writer":
            statements.append(said.partition("values")[0])

    def refuse(context: object) -> None:
        refused.append(context)

    with still(desk):
        event.listen(engine, "before_cursor_execute", note)
        event.listen(engine, "handle_error", refuse)
        yield statements, refused
        event.remove(engine, "before_cursor_execute", note)
        event.remove(engine, "handle_error", refuse)


def test_what_waits_is_one_transaction_of_as_many_statements_for_three_as_for_thirty(
    desk: Desk,
) -> None:
    prepared(desk)
    found = []
    for count in (3, 30):
        with listening(desk) as (statements, _):
            replies = at_once(desk, many(count))
        assert {one.status_code for one in replies} == {201}
        assert len({one.json()["id"] for one in replies}) == count
        found.append(statements)
    assert found[0] == found[1]
    assert len(found[0]) < 20


def test_fault_of_one_takes_no_other_along(desk: Desk) -> None:
    prepared(desk)
    wrong = [
        Request(ORDER | {"days": -1}),
        Request(ORDER | {"host": "no host"}),
        Request(ORDER | {"product": "darwim"}),
        Request({}),
    ]
    right = many(3)
    before = desk.count("licenses")
    with listening(desk) as (statements, _):
        replies = at_once(desk, [right[0], *wrong, *right[1:]])
    assert len(statements) < 20  # as many as for right ones alone: nothing was undone
    assert [one.status_code for one in replies] == [201, 422, 422, 422, 422, 201, 201]
    alone = [desk.client.post(PATH, json=one.order, headers=desk.bearer) for one in wrong]
    for one, other in zip(replies[1:5], alone, strict=True):
        assert _without_id(one) == _without_id(other)
    assert desk.count("licenses") == before + 3


@on_sqlite
def test_long_text_is_read_while_the_writer_is_busy(desk: Desk) -> None:
    prepared(desk)
    nonsense = {"host": ("a" * 39 + " ") * 1600}
    with writer_held(desk), ThreadPoolExecutor(1) as asking:
        asked = asking.submit(desk.client.post, PATH, json=ORDER | nonsense, headers=desk.bearer)
        assert asked.result(20).json()["type"] == "/problems/request-unreadable"
    key = {"Idempotency-Key": next(_keys)}
    padded = ORDER | {"host": LINE + " " * 10_000}
    replies = [desk.client.post(PATH, json=padded, headers=desk.bearer | key) for _ in range(2)]
    assert [one.status_code for one in replies] == [201, 201]
    assert replies[0].content == replies[1].content


def _without_id(reply: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in reply.json().items() if name != "request_id"}


def test_unforeseen_fault_of_one_takes_no_other_along(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(desk)
    real = issuing.sign_and_verify

    def sign_and_verify(order: Any, *given: Any) -> Any:
        if order.contract == "broken":
            raise RuntimeError("canary")
        return real(order, *given)

    monkeypatch.setattr(issuing, "sign_and_verify", sign_and_verify)
    replies = at_once(desk, [*many(2), Request(ORDER | {"contract": "broken"}), Request(ORDER)])
    assert [one.status_code for one in replies] == [201, 201, 500, 201]
    assert "canary" not in replies[2].text


def test_new_customer_and_approval_go_their_own_way(desk: Desk) -> None:
    prepared(desk)
    asked = {"name": "watched", "needs_approval": True}
    desk.client.post("/api/v1/products", json=asked, headers=desk.bearer).raise_for_status()
    others = [Request(ORDER | {"customer": "New"}, next(_keys))]
    others += [Request(ORDER | {"product": "watched"}, next(_keys))]
    requests = [*many(2), *others]
    replies = at_once(desk, requests)
    assert [one.status_code for one in replies] == [201, 201, 201, 202]
    assert [one.content for one in at_once(desk, requests)] == [one.content for one in replies]


def test_trial_that_is_asked_for_twice_at_once_is_given_once(desk: Desk) -> None:
    prepared(desk)
    tried = {"name": "tried", "plans": {"Trial": {"trial": True, "days": 30}}}
    desk.client.post("/api/v1/products", json=tried, headers=desk.bearer).raise_for_status()
    order = {"customer": "ACME", "product": "tried", "plan": "Trial", "host": LINE}
    replies = at_once(desk, [*many(1), Request(order), Request(order)])
    assert sorted(one.status_code for one in replies) == [201, 201, 409]


def test_key_that_waits_twice_issues_once(desk: Desk) -> None:
    prepared(desk)
    before = desk.count("licenses")
    key = next(_keys)
    same, other = Request(ORDER, key), Request(ORDER | {"days": 31}, key)
    with listening(desk) as (_, refused):
        replies = at_once(desk, [same, same, other, same])
    assert refused == []  # the second was not stored beside the first, and undone with it
    assert [one.status_code for one in replies] == [201, 201, 422, 201]
    assert len({replies[at].content for at in (0, 1, 3)}) == 1
    assert replies[2].json()["type"] == "/problems/idempotency-key-reused"
    assert desk.count("licenses") == before + 1


def test_taken_number_is_drawn_again_by_whoever_drew_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(desk)
    taken = desk.client.post(PATH, json=ORDER, headers=desk.bearer).json()["id"]
    real, drawn = issuing.new_number, iter([taken])
    monkeypatch.setattr(issuing, "new_number", lambda *given: next(drawn, None) or real(*given))
    replies = at_once(desk, many(3))
    assert {one.status_code for one in replies} == {201}
    assert len({one.json()["id"] for one in replies} | {taken}) == 4


COMPARED = {
    "licenses": "host_key, host_name, issued_at, expires_at, issued_by, act, state, time_zone,"
    " last_day, contract, keyset_version, customer_id, product_id, length(token), request",
    "audit_events": "at, actor, action, address, reason, length(details), length(rows)",
    "text_uses": "text_id, kind",
    "idempotency_keys": "actor, status, length(location), length(body)",
    "webhook_deliveries": "webhook_id, event, length(body), state, due_at, length(message)",
}


@on_sqlite
def test_what_is_issued_together_leaves_what_it_leaves_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(desk)
    desk.site.database.write(_subscribe)
    order = ORDER | {"contract": "C-17", "reason": "paid", "notify_days": 9}

    def issued(way: str) -> list[Counter[Any]]:
        before = [_rows(desk, table) for table in COMPARED]
        replies = at_once(desk, [Request(order, f"{way}-{n}") for n in range(2)])
        assert {one.status_code for one in replies} == {201}
        after = [_rows(desk, table) for table in COMPARED]
        return [rows - others for rows, others in zip(after, before, strict=True)]

    as_one = issued("a")
    monkeypatch.setattr(Asked, "may_be_plain", False)
    assert issued("b") == as_one
    assert all(rows.total() >= 2 for rows in as_one)


def _subscribe(connection: Connection) -> None:
    connection.execute(
        text(
            "insert into webhooks (name, url, created_at, secret, paused_at)"
            " values ('x', 'https://example.com/', 1, 'x', 1)"
        )
    )


def _rows(desk: Desk, table: str) -> Counter[Any]:
    with desk.site.database.reading() as connection:
        query = text(f"select {COMPARED[table]} from {table}")
        return Counter(tuple(row) for row in connection.execute(query))


def test_order_of_asking_is_that_of_the_ids(desk: Desk) -> None:
    prepared(desk)
    numbers = [one.json()["id"] for one in at_once(desk, many(5))]
    with desk.site.database.reading() as connection:
        found = connection.execute(text("select number from licenses order by id")).scalars().all()
    assert list(found)[-5:] == numbers
