"""GPUs are counted as cards, from the driver's folder or from nvidia-smi."""

import os
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
    assert gpus.count(str(tmp_path)) == 0  # a record of a host: this machine's are not its


def test_broken_nvidia_smi_counts_as_no_output(tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    program = "from license_core.gpus import _run; print(_run(('nvidia-smi', '-L')), end='')"
    for text, said in (
        (f"#!/bin/sh\ncat <<E\n{CARDS}E\n", CARDS),
        ("#!/bin/sh\necho GPU 0: x; exit 9\n", ""),
        ("not a program", ""),
        ("", ""),
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
