"""Files as a vendor and an operator send them, and every sort of honest damage to them."""

from collections.abc import Callable

from license_core import armor
from license_core.request import LicenseRequest
from license_core.revocation import Revocations
from tests.support.damaged_files import BYTES, SORTS_OF_TEXT
from tests.vectors import material

SORTS: dict[str, Callable[[str], str | bytes]] = {**SORTS_OF_TEXT, **BYTES}
LICENSE = material.file(
    material.token(material.payload(jti="HS-2027-001958AB", sub="ACME 上海 ÿþ~?>"))
).decode()
KEYSET = armor.wrap(armor.KEYSET, material.keyset())
FILES = {
    "licence": LICENSE,
    "rotated": material.whole(
        material.rotation(1, material.OTHER_ROOT), material.keyset_by(material.OTHER_ROOT)
    ).decode(),
    "list": "A list for people to read.\n\n"
    + armor.wrap(
        armor.REVOCATIONS,
        Revocations.of(
            [f"HS-{n}" for n in range(40)], iss="Example Vendor", number=7, iat=material.ISSUED
        ).sign(material.SIGNING),
    )
    + KEYSET,
    "request": LicenseRequest(
        key="89" * 20, name="studio2_gpu", customer="ACME ÿþ~?>", product="darwin"
    ).to_text(),
}
