"""A vendor in memory and a platform's folders, with a licence for the host of this run."""

import os
from pathlib import Path
from typing import NamedTuple

from license_core import (
    armor,
    hostkey,
    jws,
)
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.keyset import Keyset, SigningKey
from license_core.license import HostBinding, License
from license_core.probe import read_facts
from license_core.signer import MemorySigner

YEAR = 365 * 86400
PRODUCT = "darwin"


class Site(NamedTuple):
    """What a client needs, and what a licence is made with."""

    conf: Path
    keys: Path
    host: Path
    """The root of the host to probe: this machine, or a recorded container where it has no id."""
    facts: HostFacts
    root: MemorySigner
    signing: MemorySigner
    keyset: str
    now: int

    def licence(self, number: str) -> bytes:
        """A licence file for this host."""
        key = hostkey.derive(self.facts)
        licence = License(
            iss="Example Vendor",
            sub="ACME Corporation",
            aud=PRODUCT,
            jti=number,
            iat=self.now,
            nbf=self.now,
            exp=self.now + YEAR,
            host=HostBinding(key.key, key.hostname, tags=hostkey.tags(self.facts)),
            edition="professional",
            features=("export", "distributed"),
            limits={"gpus": 4},
        )
        token = jws.sign(licence.payload(), self.signing, jws.LICENSE)
        text = armor.wrap(armor.LICENSE, token) + armor.wrap(armor.KEYSET, self.keyset)
        return f"Licence {number} for ACME Corporation\n{text}".encode()


def make_site(folder: Path, now: int) -> Site:
    """Make the folders below *folder*, with a licence that holds from *now* (seconds) on."""
    root, signing = MemorySigner.from_seed(os.urandom(32)), MemorySigner.from_seed(os.urandom(32))
    key = SigningKey(signing.public_key, now - YEAR, now + 5 * YEAR)
    keyset = Keyset("Example Vendor", 1, now, (key,)).sign(root)
    host = _host(folder)
    facts = read_facts(host, os.environ)
    site = Site(folder / "conf", folder / "keys", host, facts, root, signing, keyset, now)
    site.conf.mkdir()
    site.keys.mkdir()
    (site.keys / "root.pub.pem").write_text(root.public_key.to_pem(), "ascii")
    (site.conf / "hostseal.toml").write_text(f'product = "{PRODUCT}"\n', "ascii")
    (site.conf / "license.dat").write_bytes(site.licence("B-1"))
    return site


def _host(folder: Path) -> Path:
    try:
        hostkey.derive(read_facts("/", os.environ))
    except LicenseError:  # a machine without an id: be a container that was written down
        host = folder / "host"
        files = {
            "proc/sys/kernel/hostname": "studio2_gpu\n",
            "proc/self/cgroup": f"9:pids:/docker/{'5a' * 32}\n",
            "etc/machine-id": f"{'3c' * 16}\n",
        }
        for name, text in files.items():
            path = host / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "ascii")
        return host
    return Path("/")
