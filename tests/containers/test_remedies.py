"""Every remedy that is printed for a case of docs/CASES.md, pasted in that case's engine.

Beside a second container that was pinned before: nothing else on the engine is stopped or cut off,
and the licence is valid afterwards, or what was promised is so.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from license_core.license import HostBinding
from license_core.request import parse
from tests.support.cases import CASES, DOCKER, PODMAN, Case
from tests.support.cli import REPOSITORY, World
from tests.support.containers.engine import Container, Engine, EngineError
from tests.support.containers.paste import lines_of, options_of, paste
from tests.support.containers.stories import HOME, PINNED, STORIES, Stage, bound_to, client

pytestmark = pytest.mark.xdist_group("docker")
FIXTURES = {DOCKER: "engine", PODMAN: "podman_engine"}
REAL = [case for case in CASES if case.real in FIXTURES]
_ROWS = {
    row.split(" | ")[0].removeprefix("| "): row.split(" | ")
    for row in (REPOSITORY / "docs" / "CASES.md").read_text("utf-8").splitlines()
}
EVERY = 12
"""Of the cases one in so many is in the suite, and all are in `make torture`."""


def _for_long(number: int, *, always: bool = False) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.torture,) if always or number % EVERY else ()


WARNED = [
    pytest.param(case, marks=_for_long(number), id=case.what)
    for number, case in enumerate(one for one in REAL if _ROWS[one.what][3] != "nothing")
]
REFUSED = [
    pytest.param(case, remembered, marks=_for_long(number, always=remembered))
    for number, case in enumerate(one for one in REAL if "rejected" in _ROWS[one.what][4])
    for remembered in (False, True)
]


def neighbour(stage: Stage) -> Container:
    """A container that was pinned as the client told it."""
    folder = stage.folder / "neighbour"
    while True:
        shutil.rmtree(folder, ignore_errors=True)  # with what one before has declared
        shutil.copytree(stage.folder / "conf", folder / "conf")
        made = Stage(stage.engine, folder).run("neighbour", hostname="studio1_gpu")
        (warning,) = notices(made)
        for done in paste(warning["remedy"], made, stage.folder):
            assert done.exit_code == 0, done.err
        assert notices(made) == []
        if made.ip("licnet") != PINNED:  # that the stories give to another
            return made
        made.remove()


def notices(container: Container, *arguments: str, env: tuple[str, ...] = ()) -> list[Any]:
    done = client(container, "--json", "get_host_key", *arguments, env=env)
    return list(done.json().get("notices", ()))


def others(container: Container) -> dict[str, str]:
    """Every other container of the engine: whether it runs, its networks and its addresses."""
    template = (
        "{{.Id}} {{.State.Running}} {{range $n, $of := .NetworkSettings.Networks}}"
        "{{$n}}={{$of.IPAddress}} {{end}}"
    )
    engine = container.engine
    ids = engine.call("ps", "--all", "--quiet").stdout.split()
    lines = engine.call("container", "inspect", "--format", template, *ids).stdout.splitlines()
    return {line.split()[0]: line for line in lines if line.split()[0] != container.id}


def order(world: World, container: Container, case: Case, env: tuple[str, ...]) -> None:
    profile = ("--profile", case.profile)
    done = client(container, "request", *profile, env=env)
    assert done.exit_code == 0, done.err
    binding = bound_to(parse(done.out), case.match)
    world.put(world.file(world.claims()._replace(host=binding)))


def declared(container: Container, case: Case) -> tuple[str, ...]:
    if not case.env:
        return ()
    said = container.exec("sh", "-c", 'echo "$LICENSE_PINNED_IP"').stdout.strip()
    return (f"LICENSE_PINNED_IP={said or PINNED}",)


def begun(
    case: Case, request: pytest.FixtureRequest, world: World
) -> tuple[Stage, Iterator[Container], Container, tuple[str, ...]]:
    """The story of a case, its container where a licence is ordered, and what is declared there."""
    stage = Stage(request.getfixturevalue(FIXTURES[case.real]), world.folder)
    neighbour(stage)
    happening = STORIES[case.what](stage)
    gpu = next(happening)
    return stage, happening, gpu, declared(gpu, case)


def remedies(answer: Any) -> list[str]:
    found = []
    for told in answer:
        found += [detail["remedy"] for detail in told["facts"].get("details", ())]
        found.append(told["remedy"])
    return found


@pytest.mark.parametrize(
    ("case", "remembered"), REFUSED, ids=lambda value: getattr(value, "what", str(value))
)
def test_what_is_pasted_after_a_change_helps_and_harms_nobody(
    case: Case, remembered: bool, request: pytest.FixtureRequest, world: World
) -> None:
    stage, happening, gpu, env = begun(case, request, world)
    order(world, gpu, case, env)
    assert client(gpu, "verify", env=env).exit_code == 0
    gpu = next(happening)
    if not remembered:
        (world.conf / "license.state").unlink()
    refused = client(gpu, "--json", "verify", env=env)
    assert refused.exit_code, "docs/CASES.md says that it is refused"
    told = remedies(refused.json()["problems"])
    before = others(gpu)
    paste_all(told, gpu, stage)
    if client(gpu, "verify", env=env).exit_code and "stolen" in case.what:
        # "If another container has it, give that one another address": then it works.
        paste_all(["  docker stop newcomer"], gpu, stage)
        before = others(gpu)
        refused = client(gpu, "--json", "verify", env=env)
        paste_all(remedies(refused.json()["problems"]), gpu, stage)
    assert same(case, others(gpu), before)
    if client(gpu, "verify", env=env).exit_code:
        assert any("licence for this" in remedy for remedy in told)
        order(world, gpu, case, ())
    done = client(gpu, "verify")
    assert done.exit_code == 0, done.err
    assert list(happening) == []


@pytest.mark.parametrize("case", WARNED)
def test_what_is_pasted_before_an_order_keeps_the_licence_valid(
    case: Case, request: pytest.FixtureRequest, world: World
) -> None:
    stage, happening, gpu, env = begun(case, request, world)
    before = others(gpu)
    told = notices(gpu, "--profile", case.profile, env=env)
    assert told, "docs/CASES.md says that something is said"
    paste_all([notice["remedy"] for notice in told], gpu, stage)
    assert same(case, others(gpu), before)
    left = [one["slug"] for one in notices(gpu, "--profile", case.profile, env=env)]
    assert left == [one["slug"] for one in told if not lines_of(one["remedy"])]
    order(world, gpu, case, env)
    gpu.stop()
    stage.engine.run("newcomer", network="licnet")
    stage.engine.run("newcomer2")
    gpu.start()
    done = client(gpu, "verify", env=env)
    assert done.exit_code == 0, done.err
    del happening


def paste_all(told: list[str], container: Container, stage: Stage) -> None:
    for remedy in told:
        for done in paste(remedy, container, stage.folder):
            if "still exists" in remedy and "o such container" in done.err:
                continue  # as the remedy says
            assert done.exit_code == 0, (remedy, done.err)


def same(case: Case, now: dict[str, str], before: dict[str, str]) -> bool:
    """Whether nothing happened to the other containers; but to whose network this one shares."""
    if "network of another" in case.what:
        return now.keys() == before.keys()
    if case.match == "anchored":  # the licensed container is started again, as the remedy says
        now = {id_: line for id_, line in now.items() if before[id_] == line}
        return len(before) - len(now) <= 1
    return now == before


@pytest.mark.parametrize("kind", ["engine", "podman_engine"])
def test_options_for_a_new_container_pin_and_declare_the_address(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    stage = Stage(request.getfixturevalue(kind), World(tmp_path).folder)
    gpu = stage.run()
    (warning,) = notices(gpu)
    stage.network()
    new = stage.run("new", hostname=None, options=options_of(warning["remedy"]))
    assert notices(new) == []


def test_remedy_in_a_shared_network_names_the_container_that_has_it(
    engine: Engine, tmp_path: Path
) -> None:
    stage = Stage(engine, World(tmp_path).folder)
    owner = stage.engine.run("owner")
    guest = stage.run(network="container:owner", hostname=None)
    (warning,) = notices(guest)
    assert owner.id[:12] in warning["remedy"]
    assert guest.id[:12] not in warning["remedy"]


def test_guest_whose_owner_was_restarted_is_told_to_restart_itself(
    engine: Engine, world: World
) -> None:
    stage = Stage(engine, world.folder)
    owner = stage.engine.run("owner")
    guest = stage.run(network="container:owner", hostname=None)
    case = CASES[0]
    order(world, guest, case, ())
    assert client(guest, "verify").exit_code == 0
    owner.restart()
    (warning,) = notices(guest)
    assert warning["slug"] == "network-lost"
    refused = client(guest, "--json", "verify")
    told = remedies(refused.json()["problems"])
    assert any(lines_of(remedy) == [f"docker restart {guest.id[:12]}"] for remedy in told)
    paste_all(told, guest, stage)
    assert client(guest, "verify").exit_code == 0


@pytest.mark.parametrize("kind", ["engine", "podman_engine"])
def test_container_that_lost_its_network_is_warned_and_one_without_is_not(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    stage = Stage(request.getfixturevalue(kind), World(tmp_path).folder)
    gpu = stage.run(network=stage.network())
    stage.engine.network_disconnect("licnet", gpu)
    assert [notice["slug"] for notice in notices(gpu)] == ["network-lost"]
    assert notices(stage.run("alone", network="none")) == []


@pytest.mark.parametrize(
    "kind", ["engine", pytest.param("podman_engine", marks=pytest.mark.torture)]
)
def test_second_network_that_takes_the_route_over_is_named_and_can_be_left(
    kind: str, request: pytest.FixtureRequest, world: World
) -> None:
    stage = Stage(request.getfixturevalue(kind), world.folder)
    gpu = stage.run(network=stage.network(), ip=PINNED, env=[f"LICENSE_PINNED_IP={PINNED}"])
    order(world, gpu, CASES[0], ())
    stage.engine.network_connect(stage.engine.network_create("anet"), gpu)  # first by its name
    refused = client(gpu, "--json", "verify", env=("LICENSE_PINNED_IP=",))
    (problem,) = refused.json()["problems"]
    told = problem["facts"]["details"][-1]
    assert told["slug"] == "address-not-used"
    assert told["sentence"].startswith(f"This host still has {PINNED} on eth0; its default route")
    before = others(gpu)
    paste_all(remedies([problem]), gpu, stage)
    assert others(gpu) == before
    assert client(gpu, "verify").exit_code == 0


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["engine", "podman_engine"])
def test_pinning_to_a_taken_address_is_taken_back_and_done_with_a_free_one(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    stage = Stage(request.getfixturevalue(kind), World(tmp_path).folder)
    gpu = stage.run()
    (warning,) = notices(gpu)
    taken = options_of(warning["remedy"])[3]
    stage.run("other", network=stage.network(), ip=taken, hostname="other")
    before = others(gpu)
    paste_all([warning["remedy"]], gpu, stage)
    assert others(gpu) == before
    assert gpu.ip("licnet") not in ("", taken)
    gpu.restart()
    assert notices(gpu) == []


@pytest.mark.torture
def test_stolen_address_comes_back_in_podman_once_the_other_one_is_stopped(
    podman_engine: Engine, world: World
) -> None:
    stage, licensed = Stage(podman_engine, world.folder), "172.29.0.2"
    neighbour(stage)
    network = stage.engine.network_create("loose", subnet="172.29.0.0/24", gateway="172.29.0.1")
    gpu = stage.run(network=network, ip=licensed, env=[f"LICENSE_PINNED_IP={licensed}"])
    order(world, gpu, CASES[0], ())
    gpu.stop()
    thief = stage.engine.run("newcomer", network=network, ip=licensed)
    with pytest.raises(EngineError, match=r"already allocated|already in use"):
        gpu.start()
    # Whoever helps himself gets it to start, at another address.
    stage.engine.call("network", "disconnect", "--force", network, gpu.name)
    stage.engine.network_connect(network, gpu)
    gpu.start()
    for is_free in (False, True):
        refused = client(gpu, "--json", "verify")
        assert refused.exit_code
        if is_free:  # "If another container has it, stop it if you can spare it"
            thief.stop()
        before = others(gpu)
        first, *_ = remedies(refused.json()["problems"])  # then one looks again
        paste_all([first], gpu, stage)
        assert others(gpu) == before
        assert gpu.ip(network), "it has not lost its network"
    done = client(gpu, "verify")
    assert done.exit_code == 0, done.err
    assert gpu.ip(network) == licensed


def test_overwritten_resolv_conf_is_no_proof_of_the_default_network(
    engine: Engine, tmp_path: Path
) -> None:
    stage = Stage(engine, World(tmp_path).folder)
    gpu = stage.run(network=stage.network(), ip=PINNED)
    gpu.exec("sh", "-c", "echo nameserver 192.0.2.53 > /etc/resolv.conf")
    assert [notice["slug"] for notice in notices(gpu)] == ["address-unconfirmed"]


@pytest.mark.parametrize(("kind", "believed"), [("engine", False), ("podman_engine", True)])
def test_pin_is_believed_where_the_engines_default_network_can_pin(
    kind: str, believed: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    stage = Stage(request.getfixturevalue(kind), World(tmp_path).folder)
    gpu = stage.run()
    env = (f"LICENSE_PINNED_IP={gpu.ip()}",)
    assert (notices(gpu, env=env) == []) is believed


@pytest.mark.parametrize("kind", ["engine", "podman_engine"])
def test_remedy_for_a_wrong_pinned_address_gives_it(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    stage = Stage(request.getfixturevalue(kind), World(tmp_path).folder)
    gpu = stage.run(network=stage.network(), env=[f"LICENSE_PINNED_IP={PINNED}"])
    refused = client(gpu, "--json", "get_host_key")
    assert refused.slugs() == ["pinned-address-differs"]
    paste_all(remedies(refused.json()["problems"]), gpu, stage)
    assert notices(gpu) == []


def test_podman_gives_the_licensed_address_of_its_default_network_back(
    podman_engine: Engine, world: World
) -> None:
    stage = Stage(podman_engine, world.folder)
    gpu = stage.run()
    order(world, gpu, CASES[0], ())
    licensed = gpu.ip()
    gpu.restart()
    refused = client(gpu, "--json", "verify")
    paste_all(remedies(refused.json()["problems"]), gpu, stage)
    assert gpu.ip() == licensed
    for _ in range(2):
        assert client(gpu, "verify").exit_code == 0
        gpu.restart()


@pytest.mark.parametrize("kind", ["engine", "podman_engine"])
def test_folder_that_hides_the_settings_of_the_image_is_told_and_filled(
    kind: str, request: pytest.FixtureRequest, world: World
) -> None:
    stage = Stage(request.getfixturevalue(kind), world.folder)
    made = stage.engine.run("made")
    made.exec(
        "sh", "-c", f"mkdir -p {HOME}/conf; echo 'product = \"darwin\"' > {HOME}/conf/hostseal.toml"
    )
    (world.conf / "hostseal.toml").unlink()
    binds = [f"{world.conf}:{HOME}/conf", f"{world.keys}:{HOME}/keys"]
    gpu = stage.engine.run("gpu", image=made.commit("product:test"), binds=binds)
    order(world, gpu, CASES[0], ())
    (unset,) = [
        notice
        for notice in client(gpu, "--json", "verify").json()["notices"]
        if notice["slug"] == "product-unset"
    ]
    paste_all([unset["remedy"]], gpu, stage)
    assert "product-unset" not in client(gpu, "--json", "verify").notices()


@pytest.mark.parametrize("kind", ["engine", "podman_engine"])
def test_licence_in_memory_is_said_to_be_lost_at_the_next_start(
    kind: str, request: pytest.FixtureRequest, world: World
) -> None:
    stage = Stage(request.getfixturevalue(kind), world.folder)
    gpu = stage.engine.run(
        "gpu",
        binds=[f"{world.folder}:/opt/mail", f"{world.keys}:{HOME}/keys"],
        options=["--tmpfs", f"{HOME}/conf"],
    )
    asked = parse(client(gpu, "request").out)
    binding = HostBinding(asked.key, asked.name, tags=asked.tags)
    (world.folder / "mailed.dat").write_bytes(world.file(world.claims()._replace(host=binding)))
    assert client(gpu, "install", "/opt/mail/mailed.dat").exit_code == 0
    assert "conf-in-memory" in client(gpu, "--json", "verify").notices()
    gpu.restart()
    assert client(gpu, "--json", "verify").slugs() == ["license-missing"]
