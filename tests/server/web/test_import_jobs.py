"""Imports in the background: stopped, resumed, queued."""

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.sheets import (
    agreement,
    batches,
    importer,
    job_state,
    jobs,
    order_sheet,
    runner,
    uploads,
)
from license_server.sheets.agreement import Agreed
from tests.support.desk import Desk, row, stored, unique
from tests.support.desk_forms import add_product, exported, host, upload
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form


def test_stopped_import_resumes_and_issues_nothing_twice(
    desk: Desk, admin: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    name, before = unique(desk, "Stopped"), desk.count("licenses")
    lines = "".join(f"{name},bulk,{host()},{n + 1}\n" for n in range(5))
    job = upload(admin, f"customer,product,host,days\n{lines}")
    id_, actor = job.rpartition("/")[2], admin.session.actor
    page = admin.get(job).text
    assert agreement.begin(desk.site, id_, actor, desk.clock.now, Agreed())
    # A process that ends after its first batch: nothing is heard of the job any more.
    data = f"customer,product,host,days\n{lines}".encode()
    read = order_sheet.read(io.BytesIO(data))
    next(
        importer.issue(
            desk.site.database,
            desk.site.issuer,
            read,
            actor,
            desk.clock.now,
            os.urandom,
            uploads.job_name(id_),
        )
    )
    assert desk.count("licenses") == before + 2
    going = admin.get(job).text
    assert f'data-poll="{job}/progress"' in going
    assert '<meta http-equiv="refresh"' in going
    assert 'data-state="going"' in admin.get(f"{job}/progress").text
    assert not agreement.begin(desk.site, id_, actor, desk.clock.now, Agreed())
    desk.clock.now += job_state.STOPPED_AFTER
    stopped = admin.get(job).text
    assert "The import stopped before it finished" in stopped
    assert "data-poll" not in stopped
    assert admin.send(stopped, f"{job}/issue").status_code == 303
    assert desk.count("licenses") == before + 5
    assert "5 of 5 rows done: 5 issued, 0 skipped." in admin.get(job).text
    assert form(page, f"{job}/issue")  # the first page, sent again, begins nothing
    admin.send(page, f"{job}/issue")
    assert desk.count("licenses") == before + 5


@pytest.mark.parametrize("change", ["ended", "demoted"])
def test_import_stops_when_its_user_loses_permission(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    page, now, write = DeskUser(desk, "issuer"), desk.clock.now, desk.site.database.write
    name, actor = unique(desk, change), page.session.actor
    write(lambda c: products.ensure(c, "bulk", COMMAND, now))
    lines = "".join(f"{name},bulk,{host()},{n + 1}\n" for n in range(6))
    id_ = upload(page, f"customer,product,host,days\n{lines}").rpartition("/")[2]
    assert agreement.begin(desk.site, id_, actor, now, Agreed())
    before = desk.count("licenses")
    user = desk.site.database.read(lambda c: accounts.find(c, page.email))
    drawn: list[int] = []

    def random(count: int) -> bytes:
        """The numbers of a batch are drawn together, while the one before is stored."""
        drawn.append(count)
        if len(drawn) == 2 and change == "ended":
            write(lambda c: accounts.end(c, user, COMMAND, now))
        elif len(drawn) == 2:
            write(lambda c: accounts.change_role(c, user, "reader", COMMAND, now))
        return os.urandom(count)

    runner.run(desk.site._replace(random=random), id_, actor)
    job = desk.site.database.read(lambda c: jobs.find(c, id_, actor))
    assert job is not None
    assert job.problem == "not-permitted"
    assert job.stopped(now)
    assert job.progress.issued == desk.count("licenses") - before == 2


def test_import_stops_with_the_server_and_can_be_continued(
    desk: Desk, admin: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    lines = "".join(f"{unique(desk, 'Stop')},bulk,{host()},{n + 1}\n" for n in range(6))
    job = upload(admin, f"customer,product,host,days\n{lines}")
    id_, actor, before = job.rpartition("/")[2], admin.session.actor, desk.count("licenses")
    assert agreement.begin(desk.site, id_, actor, desk.clock.now, Agreed())

    looked: list[int] = []

    def clock() -> int:
        """It is looked at first, then in each batch: in the first the server is told to stop."""
        looked.append(1)
        if len(looked) == 2:
            desk.site.database.stopping.set()
        return desk.clock.now

    runner.run(desk.site._replace(clock=clock), id_, actor)
    desk.site.database.stopping.clear()
    assert 2 <= desk.count("licenses") - before < 6
    stopped = admin.get(job).text
    assert "The server is stopping" in stopped
    assert admin.send(stopped, f"{job}/issue").status_code == 303
    assert desk.count("licenses") == before + 6


def test_concurrent_starts_begin_an_import_once(desk: Desk, admin: DeskUser) -> None:
    job = upload(admin, f"customer,product,host,days\n{unique(desk, 'Race')},bulk,{host()},30\n")
    id_, actor, write = job.rpartition("/")[2], admin.session.actor, desk.site.database.write
    all_accepted = threading.Barrier(4)

    def begin(now: int) -> bool:
        wanted = agreement.accept(desk.site, id_, actor, now, Agreed())
        all_accepted.wait()
        return write(lambda connection: jobs.begin(connection, wanted, actor))

    for now in (desk.clock.now, desk.clock.now + job_state.STOPPED_AFTER):  # then it goes on
        with ThreadPoolExecutor(4) as pool:
            begun = [pool.submit(begin, now) for _ in "1234"]
            assert sorted(one.result() for one in begun) == [False, False, False, True]


def test_import_stops_when_product_rules_change_after_the_preview(
    desk: Desk, admin: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = unique(desk, "rules")
    add_product(admin, product, days="30")
    text = "".join(f"{unique(desk, 'Rules')} {n},{product},{host()}\n" for n in range(4))
    job = upload(admin, f"customer,product,host\n{text}")
    page, before = admin.get(job).text, desk.count("licenses")
    id_ = row(desk, "products", name=product).id

    def change(days: int) -> None:
        members = {"defaults": {"days": days}}
        desk.site.database.write(
            lambda c: products.change(c, product, members, COMMAND, desk.clock.now)
        )

    change(400)
    refused = admin.send(page, f"{job}/issue")
    assert (refused.status_code, desk.count("licenses")) == (412, before)
    assert "rules of a product in the preview" in refused.text
    # Seen with the rules as they are now, it is issued; what changes meanwhile stops it.
    monkeypatch.setattr(batches, "BATCH", 2)
    agreed = Agreed(form(refused.text, f"{job}/issue")["rules"])
    actor, key = admin.session.actor, job.rpartition("/")[2]
    assert agreement.begin(desk.site, key, actor, desk.clock.now, agreed)
    change(3650)
    runner.run(desk.site, key, actor)
    stopped = admin.get(job).text
    assert f"the rules of {product} have changed since the preview" in stopped
    assert desk.count("licenses") == before
    assert admin.send(stopped, f"{job}/issue").status_code == 303
    assert desk.count("licenses") == before + 4
    assert admin.get(f"/products/{id_}").status_code == 200


def test_queued_import_is_not_shown_as_stopped(desk: Desk, admin: DeskUser) -> None:
    lines = f"{unique(desk, 'Waits')},bulk,{host()},30\n"
    job = upload(admin, f"customer,product,host,days\n{lines}")
    id_, actor = job.rpartition("/")[2], admin.session.actor
    assert agreement.begin(desk.site, id_, actor, desk.clock.now, Agreed())
    seen: list[str] = []

    async def second() -> None:
        turns = anyio.CapacityLimiter(1)
        turns.acquire_on_behalf_of_nowait("first")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run_in_turn, desk.site, id_, actor, turns, 0.01)
            try:
                desk.clock.now += job_state.STOPPED_AFTER
                while not seen:
                    found = await desk.site.read(lambda c: jobs.find(c, id_, actor))
                    assert found is not None
                    if found.waits and not found.stopped(desk.clock.now):
                        seen.append("waits")
            finally:
                turns.release_on_behalf_of("first")

    before = desk.count("licenses")
    portal: Any = desk.client.portal
    portal.call(second)
    done = desk.site.database.read(lambda c: jobs.find(c, id_, actor))
    assert done is not None
    assert (done.over, done.waits, desk.count("licenses")) == (True, False, before + 1)


def test_rows_that_stand_there_twice_must_be_meant(desk: Desk, admin: DeskUser) -> None:
    line = f"{unique(desk, 'Twice')},{unique(desk, 'twice')},{host()},30\n"
    job = upload(admin, f"customer,product,host,days\n{line}{line}")
    page = admin.get(job).text
    assert "Row 3: as row 2" in page
    before = desk.count("licenses")
    refused = admin.send(page, f"{job}/issue")
    assert faults(refused.text).keys() == {"twice"}
    assert desk.count("licenses") == before
    admin.send(page, f"{job}/issue", twice="yes")
    assert desk.count("licenses") == before + 2


def test_result_names_the_row_of_each_licence_over_several_batches(
    desk: Desk, admin: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    names = [f"{unique(desk, 'Batches')} {n}" for n in range(5)]
    lines = "".join(f"{name},bulk,{host()},30\n" for name in names)
    job = upload(admin, f"customer,product,host,days\n{lines}")
    admin.send(admin.get(job).text, f"{job}/issue")
    rows = exported(admin.get(f"{job}/result.csv"))
    assert [row["line"] for row in rows] == ["2", "3", "4", "5", "6"]
    assert [stored(desk, row["license"]).customer for row in rows] == names
    assert [row["customer"] for row in rows] == names
