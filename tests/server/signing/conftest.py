"""A SoftHSM 2 token, and a vendor whose signing key is in it."""

from collections.abc import Iterator

import pytest

from license_server.signing.signers import (
    pkcs11,
)
from tests.support import softhsm
from tests.support.hsm_vendor import made_with
from tests.support.remote_vendor import Vendor, serving_vendor
from tests.support.softhsm import Hsm


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hsm]:
    """A folder of tokens that this process uses; its modules are opened anew before and after."""
    made = softhsm.make(tmp_path_factory.mktemp("softhsm") / "hsm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", made.environment["SOFTHSM2_CONF"])
        pkcs11.close_modules()
        yield made
    pkcs11.close_modules()


@pytest.fixture(scope="module")
def vendor(hsm: Hsm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """One that several tests use."""
    yield from serving_vendor(made_with(hsm, tmp_path_factory.mktemp("vendor") / "server"))
