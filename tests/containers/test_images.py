"""examples/images: each is built without a network, on a base that has Python, and runs."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from license_core.license import HostBinding
from tests.support import onefile
from tests.support.cli import REPOSITORY, World, code
from tests.support.containers.engine import Engine
from tests.support.containers.image import BASE_IMAGE
from tests.support.pythons import PLAIN

pytestmark = pytest.mark.xdist_group("docker")
FILES = sorted((REPOSITORY / "examples" / "images").glob("*.Dockerfile"))
SHORT = "ubuntu.Dockerfile"
"""The one of every run: but for the line that installs Python the others are like it."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_image_takes_its_base_as_an_argument_and_names_no_registry(file: Path) -> None:
    text = file.read_text("ascii")
    assert re.search(r"^ARG BASE=[\w:.-]+\nFROM \$\{BASE\}$", text, re.MULTILINE)
    assert text.count("\n") <= 20
    listed = (file.parent / "README.md").read_text("utf-8")
    assert f"[{file.name}]({file.name})" in listed


def wheel_of_click(folder: Path) -> None:
    """What ``pip wheel click`` would fetch, made of what is installed here."""
    (told,) = PLAIN.glob("click-*.dist-info")
    name = told.name.removesuffix(".dist-info")
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for path in (*(PLAIN / "click").rglob("*"), *told.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                wheel.write(path, path.relative_to(PLAIN).as_posix())


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, marks=() if file.name == SHORT else pytest.mark.torture, id=file.name)
        for file in FILES
    ],
)
def test_image_is_built_offline_and_asks_for_a_licence(
    podman_engine: Engine, world: World, tmp_path: Path, file: Path
) -> None:
    here = tmp_path / "build"
    product = here / "product"
    shutil.copytree(world.keys, product / "keys")
    shutil.copytree(world.conf, product / "conf")
    (product / "start").write_text("echo started\n")
    if "wheels" in file.read_text():
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
        subprocess.run([*pip, "-w", str(here / "wheels"), str(REPOSITORY)], check=True)
        wheel_of_click(here / "wheels")
    else:
        shutil.copy(onefile.kept(), here / "hostseal.pyz")
    podman_engine.call(
        *("build", "--network", "none", "--volume", "/usr:/usr:ro", "--file", str(file)),
        *("--build-arg", f"BASE={BASE_IMAGE}", "--tag", "darwin:test", str(here)),
    )
    command = re.findall(r'"([^"]+)"', file.read_text().rpartition("CMD ")[2])
    ready = podman_engine.run("darwin", image="darwin:test", hostname="gpu1")
    done = ready.exec(*command)
    assert done.returncode == code("license-missing"), done.stdout + done.stderr
    put = world.claims(
        host=HostBinding(json.loads(ready.exec(*command[:2], "get_host_key").stdout)[0])
    )
    sent = ready.exec(
        "sh", "-c", "cat >/opt/darwin/conf/license.dat", stdin=world.file(put).decode()
    )
    assert sent.returncode == 0
    assert ready.exec(*command).stdout.endswith("started\n")
