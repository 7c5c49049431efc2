"""The client in images that hold nothing of this machine: an old Python, one for musl, or none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from license_core import hostkey
from license_core.facts import HostFacts
from license_core.license import HostBinding
from license_core.request import parse
from tests.support import cache, onefile
from tests.support.cli import NUMBER, REPOSITORY, World, code
from tests.support.containers import rootfs
from tests.support.containers.engine import Container, Engine
from tests.support.containers.image import MACHINE_ID
from tests.support.need import need

pytestmark = [pytest.mark.xdist_group("docker"), pytest.mark.torture]
HOME, HOSTNAME = "/opt/darwin", "studio2_gpu"
NATIVE = REPOSITORY / "native" / "hostseal"


class Image(NamedTuple):
    """An image, and the client that runs in it."""

    name: str
    tar: Callable[[], Path]
    command: tuple[str, ...]
    """How the client is called there; its last word is its file."""
    is_libc: tuple[str, str] = ("true", "")
    """A command of the image, and what it says of the libc."""


ONE_FILE = ("python3", f"{HOME}/hostseal.pyz")
STATIC = (f"{HOME}/hostseal",)
ON_MUSL = ("/lib/ld-musl-x86_64.so.1 2>&1", "musl libc")
IMAGES = (
    Image("debian-11", rootfs.debian_11, ONE_FILE),
    Image("busybox", rootfs.busybox, STATIC, ("ls /lib", "")),
    Image("musl", rootfs.musl, STATIC, ON_MUSL),
    Image("musl-python", rootfs.musl_python, ("/usr/bin/python3", ONE_FILE[1]), ON_MUSL),
)


@pytest.fixture(params=IMAGES, ids=lambda image: image.name)
def image(request: pytest.FixtureRequest) -> Image:
    """An image that can be made here, with its client."""
    image: Image = request.param
    if image.command == STATIC and not NATIVE.exists():
        need("native/hostseal", "make native")
    return image


@pytest.fixture
def container(engine: Engine, image: Image, world: World) -> Container:
    """A container of it, with a product's folder."""
    try:
        name = engine.import_image(image.tar(), f"{image.name}:test")
    except cache.UnavailableError as error:
        need(f"the image {image.name}", f"let this machine reach Debian's mirror ({error})")
    client = onefile.kept() if image.command[1:] else NATIVE
    shutil.copy(client, world.folder / Path(image.command[-1]).name)
    binds = [f"{world.folder}:{HOME}"]
    return engine.run(
        "bare", hostname=HOSTNAME, network=None, binds=binds, image=name, is_apart=True
    )


def test_operator_gets_from_the_key_to_a_watched_product(
    image: Image, container: Container, world: World
) -> None:
    asking, libc = image.is_libc
    assert libc in container.exec("sh", "-c", asking).stdout

    def client(*arguments: str, exit_code: int = 0) -> str:
        done = container.exec(*image.command, *arguments)
        assert "Traceback" not in done.stderr
        assert done.returncode == exit_code, done.stderr
        return done.stdout

    facts = HostFacts(
        hostname=HOSTNAME, ip=container.ip(), machine_id=MACHINE_ID, container_id=container.id
    )
    key = hostkey.derive(facts).key
    assert json.loads(client("get_host_key")) == [key, HOSTNAME]
    asked = parse(client("request"))
    assert asked.key == key
    client("verify", exit_code=code("license-missing"))
    binding = HostBinding(asked.key, asked.name, profile=asked.profile, tags=asked.tags)
    file = world.file(world.claims()._replace(host=binding))
    (world.folder / "mailed.dat").write_bytes(b"\n> ".join(file.split(b"\n")))
    client("install", f"{HOME}/mailed.dat")
    assert client("verify").startswith(f"[N]: Licence {NUMBER} ")
    assert NUMBER in client("show")
    if image.command[1:]:
        assert json.loads(client("--json", "doctor"))["host_key"] == key
    started = client("guard", "--", "sh", "-c", "echo started; exit 7", exit_code=7)
    assert started == "started\n"
    line = f"{' '.join(image.command)} guard --interval 1 -- sleep 86400000"
    script = (
        f"{line} & guard=$!; while ! grep -qs 86400000 /proc/[0-9]*/cmdline; do :; done; "
        f"rm {HOME}/conf/license.dat; wait $guard; echo $?"
    )
    ended = container.exec("sh", "-c", script)
    assert ended.stdout.split()[-1] == str(code("license-missing")), ended.stderr
