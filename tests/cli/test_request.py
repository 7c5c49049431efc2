"""``request``: what the operator sends to the vendor."""

import json

from license_core import request
from tests.support import hosts
from tests.support.cli import NUMBER, World


def test_request_contains_key_gpus_customer_product_and_tags(world: World) -> None:
    hosts.container(world.host, gpus=4)
    world.put()
    out = world.folder / "request.txt"
    done = world.run("request", "-o", str(out), "--customer", "ACME 上海")
    assert (done.exit_code, done.out) == (0, "")
    found = request.parse(out.read_text())
    key, hostname = json.loads(world.run("get_host_key").out)
    assert (found.key, found.name, found.gpus) == (key, hostname, 4)
    assert (found.customer, found.product, found.replaces) == ("ACME 上海", "darwin", NUMBER)
    assert found.tags
    assert set(found.tags) == {"hostname", "ip", "machine_id", "container_id"}
    assert hosts.IP not in out.read_text()


def test_request_prints_the_same_text_as_it_writes(world: World) -> None:
    out = world.folder / "request.txt"
    world.run("request", "-o", str(out))
    assert world.run("request").out == out.read_text()
