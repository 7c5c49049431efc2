"""The API of a product is typed. mypy checks this file too, strictly: its types are claims."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import assert_type

from license_core import Change, Report, Watcher, check_installed, check_license
from license_core.errors import LicenseError
from license_core.license import License
from license_core.testkit import Kit


def jobs(report: Report) -> int:
    """What a product reads of a report."""
    assert_type(report.ok, bool)
    assert_type(report.problems, tuple[LicenseError, ...])
    assert_type(report.features, tuple[str, ...])
    assert_type(report.limits, Mapping[str, int])
    assert_type(report.edition, str | None)
    assert_type(report.license, License | None)
    assert_type(report.state, str)
    report.require("export")
    return report.limits.get("jobs", 2)


def test_small_product_reads_what_is_licensed(tmp_path: Path) -> None:
    assert files("license_core").joinpath("py.typed").is_file()
    with Kit(tmp_path / "kit", "darwin").in_force() as kit:
        kit.put(features=("export",), limits={"jobs": 8})
        assert jobs(assert_type(check_installed(product="darwin"), Report)) == 8
        assert jobs(check_license(kit.data(features=("export",)))) == 2
        told: list[Change] = []
        watcher = Watcher(told.append, wait=lambda _: True)
        assert_type(watcher.report, Report | None)
        watcher.run()
        assert [assert_type(change.state, str) for change in told] == ["active"]
