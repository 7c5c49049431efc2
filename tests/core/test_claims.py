"""Claims of a licence: an invalid one is rejected by its name."""

from typing import Any

import pytest

from license_core import claims
from license_core.claims import ClaimError
from license_core.license import License
from tests.vectors import material


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"iss": None}, "iss"),
        ({"sub": ""}, "sub"),
        ({"jti": 7}, "jti"),
        ({"iat": None}, "iat"),
        ({"nbf": True}, "nbf"),
        ({"exp": 1.0}, "exp"),
        ({"exp": -1}, "exp"),
        ({"features": ["a", "a"]}, "features"),
        ({"features": [7]}, "features"),
        ({"features": ["-a"]}, "features"),
        ({"limits": {"gpus": -1}}, "limits.gpus"),
        ({"limits": {"gpus": True}}, "limits.gpus"),
        ({"limits": {"gpus": 2**53}}, "limits.gpus"),
        ({"limits": {"a b": 1}}, "limits"),
        ({"host": None}, "host"),
        ({"host": []}, "host"),
        ({"host": material.host_claim(key="AB" * 20)}, "host.key"),
        ({"host": material.host_claim(key=None)}, "host.key"),
        ({"host": material.host_claim(profile="hk9")}, "host.profile"),
        ({"host": material.host_claim(match="loose")}, "host.match"),
        ({"host": material.host_claim(tags={"ip": "12"})}, "host.tags"),
        ({"host": material.host_claim(tags={"ip": "g" * 16})}, "host.tags"),
    ],
    ids=str,
)
def test_invalid_claim_is_named_in_the_error(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ClaimError) as caught:
        License.from_dict(material.claims(**changes))
    assert caught.value.claim == named


@pytest.mark.parametrize("name", ["a", "A9", "gpu:0", "a.b_c-d", "9", "a" * 64])
def test_valid_feature_names_are_accepted(name: str) -> None:
    assert claims.choice_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-a", ".a", "_", ":", "a" * 65, "a b", "a\n", "\n", "é", "a/b", "a\u200bb", "\uff11"],
)
def test_malformed_feature_names_are_rejected(name: str) -> None:
    assert not claims.choice_name(name)
