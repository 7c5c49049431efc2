"""The Debian part of the images: pinned packages, unpacked into a folder; nothing of them is run.

So it is made without root, for any architecture, and the same packages give the same files. The
packages come from where this machine's apt gets them, which must be of the same release.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from deploy.packed import UnavailableError

HERE = Path(__file__).resolve().parent
RELEASE = "bookworm"
USER = 10001
"""Of the images, and its group."""
_LEFT_OUT = ("man", "info", "locale", "lintian", "bug", "bash-completion", "doc-base", "python3")
"""Folders of /usr/share that nothing in an image reads."""
_LINKS = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
"""At the top, into /usr, as Debian has them."""


class Pin(NamedTuple):
    """One package of a day."""

    name: str
    version: str
    sha256: str


def names() -> list[str]:
    """The packages that the images hold."""
    lines = (HERE / "debian.txt").read_text("ascii").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pinned(architecture: str) -> dict[str, Pin]:
    """The pins of an *architecture*, by name; empty where none were made."""
    lock = HERE / f"debian-{architecture}.lock"
    lines = lock.read_text("ascii").splitlines() if lock.exists() else []
    return {pin.name: pin for pin in (Pin(*line.split()) for line in lines)}


def pin(architecture: str, cache: Path) -> None:
    """Pin the versions that Debian has today."""
    found = fetch(architecture, cache, {})
    lines = (f"{name} {_field(deb, 'Version')} {_digest(deb)}\n" for name, deb in found.items())
    (HERE / f"debian-{architecture}.lock").write_text("".join(lines), "ascii")


def fetch(architecture: str, cache: Path, pins: Mapping[str, Pin]) -> dict[str, Path]:
    """The package files, by name, in *cache*: those of *pins*; without pins, the newest.

    Raises UnavailableError.
    """
    here = Path("/etc/os-release").read_text("utf-8") if shutil.which("apt-get") else ""
    if f"VERSION_CODENAME={RELEASE}" not in here:
        told = f"the images are made on Debian {RELEASE}, whose packages they hold"
        raise UnavailableError(told)
    place = cache / architecture
    debs = place / ("pinned" if pins else "newest")
    if not pins:
        shutil.rmtree(debs, ignore_errors=True)
    for folder in (place / "lists/partial", place / "archives/partial", debs):
        folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: pins[name] if pins else None for name in names()}
    missing = {name: pin for name, pin in wanted.items() if not _found(debs, name, pin)}
    if missing:
        _download(architecture, place, debs, missing)
    return {name: _found(debs, name, pin) or _refuse(name) for name, pin in wanted.items()}


def unpack(debs: Mapping[str, Path], root: Path) -> None:
    """Unpack packages into the new folder *root*, and settle what their scripts would."""
    (root / "usr").mkdir(parents=True)
    for name in _LINKS:
        (root / "usr" / name).mkdir()
        (root / name).symlink_to(f"usr/{name}")
    status = root / "var/lib/dpkg/status.d"
    for name, deb in debs.items():
        files = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True
        ).stdout
        options = ["--extract", "--keep-directory-symlink", "--no-same-owner", "--same-permissions"]
        subprocess.run(["tar", *options, "--directory", root], input=files, check=True)
        status.mkdir(parents=True, exist_ok=True)  # where scanners of images look
        (status / name).write_text(_field(deb), "utf-8")
    _settle(root)


def _settle(root: Path) -> None:
    for name in _LEFT_OUT:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    for path in (root / "usr/share/doc").rglob("*"):
        if not path.is_dir() and path.name != "copyright":
            path.unlink()
    for name in ("lib32", "libx32"):
        (root / name).unlink()
        (root / "usr" / name).rmdir()
    certificates = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    texts = {
        "etc/passwd": f"root:x:0:0:root:/root:/bin/sh\nhostseal:x:{USER}:{USER}::/:/bin/sh\n",
        "etc/group": f"root:x:0:\nhostseal:x:{USER}:\n",
        "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "etc/ssl/certs/ca-certificates.crt": "".join(
            path.read_text("ascii") for path in certificates
        ),
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "ascii")
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("dash")


def _download(
    architecture: str, place: Path, debs: Path, missing: Mapping[str, Pin | None]
) -> None:
    """Let apt fetch into *debs* what is *missing*; it holds it against Debian's keys."""
    (place / "status").touch()
    told = {
        "APT::Architecture": architecture,
        "APT::Architectures::": architecture,
        "Dir::State": place,
        "Dir::State::status": place / "status",
        "Dir::Cache": place,
        "APT::Sandbox::User": "root",  # whose folder it is
    }
    options = [word for name, value in told.items() for word in ("-o", f"{name}={value}")]
    wanted = [f"{name}={pin.version}" if pin else name for name, pin in missing.items()]
    for line in (["update"], ["download", *wanted]):
        done = subprocess.run(
            ["apt-get", "--quiet", *options, *line],
            check=False,
            cwd=debs,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or ["apt-get failed"]
            raise UnavailableError(f"{last[0]}\nIf Debian has newer ones by now: make image-pins")


def _found(debs: Path, name: str, pin: Pin | None) -> Path | None:
    """The file of a package, as it was pinned."""
    files = (path for path in sorted(debs.glob("*.deb")) if path.name.split("_")[0] == name)
    return next((path for path in files if pin is None or _digest(path) == pin.sha256), None)


def _refuse(name: str) -> NoReturn:
    raise UnavailableError(f"{name}: what came is not what was pinned")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _field(deb: Path, *fields: str) -> str:
    done = subprocess.run(
        ["dpkg-deb", "--field", deb, *fields], capture_output=True, text=True, check=True
    )
    return done.stdout.strip() if fields else done.stdout
