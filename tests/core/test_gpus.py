"""GPUs are counted as cards, from the driver's folder or from nvidia-smi."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from license_core import check_installed, gpus
from license_core.errors import FeatureNotLicensedError, LicenseExpiredError
from tests.support import hosts
from tests.support.cli import DAY, NOW, World

CARDS = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-9f2d7c2e-0b1a-4c3d-8e5f-6a7b8c9d0e1f)
"""
CUT_UP = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
  MIG 2g.10gb     Device  1: (UUID: MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d)
"""


@pytest.mark.parametrize(
    ("text", "cards"),
    [
        (CARDS, 2),
        (CUT_UP, 1),
        (CARDS + CUT_UP.replace("GPU 0", "GPU 2"), 3),
        ("No devices were found\n", 0),
        ("NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.\n", 0),
        ("", 0),
        ("GPU 10: NVIDIA H100 (UUID: GPU-????????-????-????-????-????????????)\n", 1),
    ],
)
def test_nvidia_smi_listing_is_counted_by_cards(text: str, cards: int) -> None:
    assert gpus.listed(text) == cards


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def never(command: Sequence[str]) -> str:
    raise AssertionError(f"{command} was run")


def test_driver_folder_is_read_before_nvidia_smi_is_run(tmp_path: Path) -> None:
    root = hosts.container(tmp_path, gpus=4)
    hosts.write(root, {"/dev/nvidiactl": ""})
    assert gpus.count(str(root), never) == 4


def test_nvidia_smi_is_not_run_without_a_device(tmp_path: Path) -> None:
    assert gpus.count(str(tmp_path), never) == 0


@pytest.mark.parametrize("device", ["/dev/nvidiactl", "/dev/dxg"])
def test_gpus_are_counted_without_the_driver_folder(tmp_path: Path, device: str) -> None:
    hosts.write(tmp_path, {device: ""})
    assert gpus.count(str(tmp_path), lambda _: CUT_UP) == 1


def test_gpus_that_cannot_be_counted_are_unknown(tmp_path: Path) -> None:
    hosts.write(tmp_path, {"/dev/nvidiactl": ""})
    assert gpus.count(str(tmp_path), lambda _: None) is None
    assert gpus.count(str(tmp_path)) is None  # a record of a host: this machine's are not its


def test_only_gpus_with_a_device_in_the_container_count(tmp_path: Path) -> None:
    cards = {
        f"/proc/driver/nvidia/gpus/0000:0{minor}:00.0/information": (
            f"Model: \t\t NVIDIA A100\nDevice Minor: \t {minor}\nGPU Excluded:\t No\n"
        )
        for minor in range(8)
    }
    root = hosts.write(tmp_path, cards | {"/dev/nvidiactl": "", "/dev/nvidia6": ""}) or tmp_path
    assert gpus.count(str(root), never) == 1


def test_licence_for_one_gpu_is_valid_where_the_container_has_one_of_eight(world: World) -> None:
    for minor in range(8):
        file = f"/proc/driver/nvidia/gpus/0000:0{minor}:00.0/information"
        hosts.write(world.host, {file: f"Device Minor: \t {minor}\n"})
    hosts.write(world.host, {"/dev/nvidia6": ""})
    world.put(world.file(world.claims(limits={"gpus": 1})))
    assert world.run("verify").exit_code == 0
    hosts.write(world.host, {"/dev/nvidia7": ""})
    assert world.json("verify").slugs() == ["gpus-not-licensed"]


def test_uncounted_gpus_are_reported_and_not_taken_for_none(world: World) -> None:
    hosts.write(world.host, {"/dev/nvidiactl": ""})
    world.put()
    done = world.json("verify")
    assert (done.exit_code, "gpus-not-counted" in done.notices()) == (0, True)
    (world.conf / "requirements.toml").write_text("gpus = 4\n")
    doctor = world.json("doctor").json()
    assert doctor["machine"][0] | {"present": None, "met": None} == doctor["machine"][0]
    assert "gpus-short" not in [finding["slug"] for finding in doctor["findings"]]
    world.put(world.file(world.claims(limits=None)))
    assert "gpus-not-counted" not in world.json("verify").notices()


def test_an_nvidia_smi_that_cannot_be_killed_is_left_behind(tmp_path: Path) -> None:
    class Unkillable(subprocess.Popen[bytes]):
        """As one that hangs in the driver: SIGKILL does nothing."""

        def kill(self) -> None:
            left.append(self)

    left: list[Unkillable] = []
    assert gpus._run(("sleep", "1000"), 0.05, Unkillable) is None
    assert left[0].poll() is None
    left[0].send_signal(signal.SIGKILL)
    left[0].wait()


def test_broken_nvidia_smi_counts_as_no_output(tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    program = "from license_core.gpus import _run; print(_run(('nvidia-smi', '-L')), end='')"
    for text, said in (
        (f"#!/bin/sh\ncat <<E\n{CARDS}E\n", CARDS),
        ("#!/bin/sh\necho GPU 0: x; exit 9\n", "None"),
        ("not a program", "None"),
        ("", "None"),
    ):
        tool.write_text(text)
        tool.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
        )
        assert (done.stdout, done.stderr) == (said, ""), text


def test_require_raises_for_unlicensed_features_and_expired_licences(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put()
    found = check_installed(world.conf, world.keys, root=world.host, now=NOW + DAY)
    found.require("export")
    with pytest.raises(FeatureNotLicensedError) as caught:
        found.require("train")
    assert "It includes: export." in caught.value.sentence
    late = check_installed(world.conf, world.keys, root=world.host, now=NOW + 400 * DAY)
    with pytest.raises(LicenseExpiredError):
        late.require("export")
