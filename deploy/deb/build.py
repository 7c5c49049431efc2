"""``make deb``: the packages of server and client for Debian 12, the same bytes each time.

Debian's own versions of FastAPI and the like are older than those that are tested here, so the
server brings its packages along, in /usr/lib/hostseal/lib.
"""

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from deploy import packed
from tests.support import onefile

HERE = Path(__file__).resolve().parent
RELEASE = "bookworm"
_UNITS = HERE.parent / "systemd"
_CONTROL = {
    "hostseal-server": {
        "Depends": "adduser, ca-certificates, libc6 (>= 2.36), libgcc-s1, "
        "libstdc++6, python3 (>= 3.11), python3 (<< 3.12), tzdata",
        "Suggests": "caddy | nginx, postgresql",
        "Description": "licence server that issues licences sealed to a host\n"
        " It issues signed licence files, each for one machine or container, from a web\n"
        " desk, an API and a command line, and keeps a record of them that shows every\n"
        " change. It runs as a user of its own under systemd.",
    },
    "hostseal-client": {
        "Depends": "python3 (>= 3.8)",
        "Description": "client that checks licences sealed to a host\n"
        " It tells the key of a machine or container, installs the licence that a vendor\n"
        " sends, and checks it offline each time the product starts.",
    },
}
_PAGES = {
    "hostseal-server": ("[A-Z]*.md",),
    "hostseal-client": ("OPERATOR*.md", "PYTHON.md", "SPEC.md"),
}
"""The pages of docs/ that each brings."""
_EXAMPLES = {
    "hostseal-server": ("nginx/hostseal.conf", "caddy/Caddyfile", "monitoring"),
    "hostseal-client": (),
}
"""What of deploy/ is taken as it is, or changed: files, and whole folders."""
_MAINTAINER = "Hostseal maintainers <maintainers@hostseal.example>"
_COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Hostseal

Files: *
Copyright: 2026 the authors of Hostseal
License: proprietary
 All rights reserved.{more}
"""
_BROUGHT = """

Comment:
 The packages in /usr/lib/hostseal/lib have the licences that their *.dist-info
 folders there hold."""


def server(architecture: str, root: Path) -> None:
    """Lay out what the server's package installs."""
    place = root / "usr/lib/hostseal"
    packed.install(architecture, place / "lib")
    units = root / "lib/systemd/system"
    for folder in (place / "bin", root / "usr/bin", root / "etc/hostseal", units):
        folder.mkdir(parents=True)
    shutil.copy(HERE / "program", place / "bin/license-server")
    shutil.copy(_UNITS / "task", place / "bin/task")
    shutil.copy(HERE / "license-server", root / "usr/bin/license-server")
    shutil.copy(HERE / "server.env", root / "etc/hostseal/server.env")
    for unit in (*_UNITS.glob("*.service"), *_UNITS.glob("*.socket"), *_UNITS.glob("*.timer")):
        shutil.copy(unit, units / unit.name)
    documents(root, "hostseal-server")
    for script in ("postinst", "prerm", "postrm"):
        shutil.copy(HERE / f"server.{script}", root / "DEBIAN" / script)
    (root / "DEBIAN/conffiles").write_text("/etc/hostseal/server.env\n", "ascii")
    _manual(root, "license-server")


def client(_: str, root: Path) -> None:
    """Lay out what the client's package installs."""
    (root / "usr/bin").mkdir(parents=True)
    onefile.build(root / "usr/bin/license-cli", [sys.executable])
    documents(root, "hostseal-client")
    _manual(root, "license-cli")


def documents(root: Path, name: str) -> None:
    """Lay out the pages of a package, as ``docs/`` for the messages that name them; examples."""
    place = root / "usr/share/doc" / name
    (place / "docs").mkdir(parents=True)
    for pattern in _PAGES[name]:
        for page in (packed.REPOSITORY / "docs").glob(pattern):
            shutil.copy(page, place / "docs" / page.name)
    for example in (HERE.parent / one for one in _EXAMPLES[name]):
        put = place / "examples" / example.name
        put.parent.mkdir(exist_ok=True)
        if example.is_dir():
            shutil.copytree(example, put)
        else:
            shutil.copy(example, put)


def _manual(root: Path, name: str) -> None:
    folder = root / "usr/share/man/man1"
    folder.mkdir(parents=True)
    _compress(folder / f"{name}.1.gz", (HERE / f"{name}.1").read_text("ascii"))


def build(name: str, architecture: str, folder: Path) -> Path:
    """Build a package into *folder*; its file. Raises UnavailableError."""
    missing = [tool for tool in ("dpkg-deb",) if shutil.which(tool) is None]
    if missing:
        raise packed.UnavailableError(f"{missing[0]} is missing; packages are made on Debian")
    lay_out, arch = {"hostseal-server": (server, architecture), "hostseal-client": (client, "all")}[
        name
    ]
    with tempfile.TemporaryDirectory(prefix="hostseal-deb-") as made:
        root = Path(made) / "root"
        (root / "DEBIAN").mkdir(parents=True)
        lay_out(architecture, root)
        _describe(name, arch, root)
        packed.settle_modes(root)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}_{packed.version()}_{arch}.deb"
        line = [
            "dpkg-deb",
            "--root-owner-group",
            "-Zxz",
            "--threads-max=1",
            "--build",
            str(root),
            str(file),
        ]
        env = os.environ | {"SOURCE_DATE_EPOCH": packed.epoch()}
        subprocess.run(line, env=env, check=True, stdout=subprocess.DEVNULL)
    return file


def _describe(name: str, architecture: str, root: Path) -> None:
    """Add what every package has: control, checksums, changelog, copyright, overrides."""
    documents = root / "usr/share/doc" / name
    documents.mkdir(parents=True, exist_ok=True)
    more = _BROUGHT if name == "hostseal-server" else ""
    (documents / "copyright").write_text(_COPYRIGHT.format(more=more), "ascii")
    when = format_datetime(datetime.fromtimestamp(int(packed.epoch()), UTC))
    changes = (
        f"{name} ({packed.version()}) stable; urgency=medium\n\n"
        f"  * CHANGELOG.md of the source says what is new.\n\n -- {_MAINTAINER}  {when}\n"
    )
    _compress(documents / "changelog.gz", changes)
    overrides = HERE / f"{name}.lintian-overrides"
    if overrides.exists():
        place = root / "usr/share/lintian/overrides"
        place.mkdir(parents=True)
        shutil.copy(overrides, place / name)
    held = [p for p in sorted(root.rglob("*")) if p.is_file() and "DEBIAN" not in p.parts]
    sums = (
        f"{hashlib.md5(p.read_bytes(), usedforsecurity=False).hexdigest()}  {p.relative_to(root)}\n"
        for p in held
    )
    (root / "DEBIAN/md5sums").write_text("".join(sums), "utf-8")
    fields = {
        "Package": name,
        "Version": packed.version(),
        "Architecture": architecture,
        "Maintainer": _MAINTAINER,
        "Installed-Size": str(sum(p.stat().st_size for p in held) // 1024),
        "Section": "admin",
        "Priority": "optional",
        **_CONTROL[name],
    }
    control = "".join(f"{field}: {value}\n" for field, value in fields.items())
    (root / "DEBIAN/control").write_text(control, "ascii")


def _compress(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode("ascii"), mtime=0))


def main(words: Sequence[str]) -> int:
    """Do what ``make deb`` asks for."""
    asked = argparse.ArgumentParser(prog="deploy.deb.build", description=__doc__)
    asked.add_argument("--architecture", default=packed.here(), choices=list(packed.WHEELS))
    told = asked.parse_args(words)
    try:
        for name in _CONTROL:
            print(build(name, told.architecture, packed.REPOSITORY / "dist"))
    except packed.UnavailableError as error:
        print(f"[E]: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
