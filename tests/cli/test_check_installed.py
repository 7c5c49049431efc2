"""``check_installed``: what a product gets to know about its licence."""

import pytest

from tests.support.cli import DAY, NOW, World


def test_check_installed_returns_the_entitlements_of_the_current_file(world: World) -> None:
    from license_core import check_installed

    def look() -> tuple[bool, tuple[str, ...], dict[str, int]]:
        report = check_installed(world.conf, world.keys, root=world.host, now=NOW + DAY)
        return report.ok, report.features, dict(report.limits)

    assert look() == (False, (), {})
    world.put()
    assert look() == (True, ("export",), {"gpus": 4})
    world.put(world.file(world.claims(features=("train",), limits={"gpus": 8})))
    assert look() == (True, ("train",), {"gpus": 8})
    world.put(world.file(world.claims(aud="other")))
    assert look() == (False, (), {})


def test_product_argument_overrides_hostseal_toml(world: World) -> None:
    from license_core import check_installed

    world.put(world.file(world.claims(aud="cheaper")))
    (world.conf / "hostseal.toml").write_text('product = "cheaper"\n')
    folders = (world.conf, world.keys)
    assert check_installed(*folders, root=world.host, now=NOW + DAY).ok
    report = check_installed(*folders, product="darwin", root=world.host, now=NOW + DAY)
    assert [error.slug for error in report.problems] == ["wrong-product"]


def test_require_valid_raises_the_primary_problem(world: World) -> None:
    from license_core import check_installed
    from license_core.errors import LicenseMissingError

    with pytest.raises(LicenseMissingError):
        check_installed(world.conf, world.keys, root=world.host).require_valid()
