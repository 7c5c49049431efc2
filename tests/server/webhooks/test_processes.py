"""Server processes that share a database tell a webhook everything, once if nobody is killed."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from license_server.access.tokens import Grant
from license_server.operations import data_folder
from license_server.permissions import PERMISSIONS
from tests.support import server
from tests.support.hooks import end
from tests.support.postgres import new_database
from tests.support.waiting import until

COUNT = 12


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_servers_tell_each_event_once_in_the_order_of_its_licence(
    tmp_path: Path, kind: str
) -> None:
    url = None if kind == "sqlite" else new_database()
    data = server.make(tmp_path / "server", url).data
    database = data_folder.open_database(server.settings(data, url))
    token = server.new_token(database, "all", 1, Grant(frozenset(PERMISSIONS)))
    database.close()
    allowed = {"LICENSE_SERVER_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    with ExitStack() as stack:
        there = stack.enter_context(end())
        bases = [stack.enter_context(server.serving(data, url, **allowed))[0] for _ in range(2)]
        bearer = {"Authorization": f"Bearer {token}"}
        clients = [
            stack.enter_context(httpx.Client(base_url=f"{base}/api/v1", headers=bearer, timeout=60))
            for base in bases
        ]
        hook = {"name": "CRM", "url": there.url, "events": ["license.issued", "license.renewed"]}
        made = clients[0].post("/webhooks", json=hook)
        assert made.status_code == 201, made.text
        wanted = []
        for host in range(COUNT):
            order = {"customer": "ACME", "product": "darwin", "days": 30}
            line = f'["{host:040x}", "host-{host}"]'
            first = clients[host % 2].post("/licenses", json=order | {"host": line}).json()["id"]
            again = clients[(host + 1) % 2].post(f"/licenses/{first}/renew", json={"days": 60})
            wanted.append((first, again.json()["id"]))
        until(lambda: len(there.received) >= 2 * COUNT)
        counted = Counter(one.id for one in there.received)
        assert set(counted.values()) == {1}
        assert len(counted) == 2 * COUNT
        order_of = [one.license for one in there.received]
        for first, second in wanted:
            assert order_of.index(first) < order_of.index(second)
        # What the end has answered is written down a moment later.
        here = f"/webhooks/{made.json()['id']}"
        until(lambda: not clients[1].get(here).json()["waiting"])
        assert clients[1].get(here).json()["failed"] == 0
        assert len(there.received) == 2 * COUNT
