"""Debian's packages, of this machine's release and of others, fetched into folders of their own.

They come from where this machine gets its own, and apt holds them against Debian's keys. Nothing is
installed.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.cache import UnavailableError

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")


def run(*line: str | Path, cwd: Path | None = None, **environment: str) -> None:
    """A command that must succeed, and says nothing. Raises CalledProcessError."""
    env = {"PATH": PATH, **environment}
    subprocess.run(line, cwd=cwd, env=env, capture_output=True, check=True)


def missing(*tools: str) -> list[str]:
    """Those of *tools* that this machine lacks."""
    return [tool for tool in tools if shutil.which(tool, path=PATH) is None]


def mirror() -> str:
    """Where this machine gets Debian's packages. Raises UnavailableError."""
    for source in filter(Path.exists, _SOURCES):
        for line in source.read_text().splitlines():
            words = line.removeprefix("URIs:").removeprefix("deb ").split()
            if not line.startswith("#") and words and "://" in words[0]:
                return words[0]
    raise UnavailableError("no mirror of Debian in /etc/apt")


def file_of(package: str, file: str) -> bytes:
    """A *file* of a package of this machine's release, which need not be installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o777)  # apt fetches as a user of its own
        run("apt-get", "download", package, cwd=path)
        (archive,) = path.glob("*.deb")
        run("dpkg-deb", "--extract", archive, path / "root")
        found = next(f for f in (path / "root" / file, path / "root/usr" / file) if f.exists())
        return found.read_bytes()


def unpack(release: str, package: str, root: Path) -> None:
    """Unpack a package of a release into *root*, with all that it depends on."""
    with tempfile.TemporaryDirectory() as folder:
        options = _apt(Path(folder), f"deb [signed-by={KEYS}] {mirror()} {release} main")
        fetch = ("--yes", "--no-install-recommends", "--download-only", "install", package)
        run("apt-get", *options, *fetch)
        for archive in sorted(Path(folder, "archives").glob("*.deb")):
            run("dpkg-deb", "--extract", archive, root)


def unpack_alone(release: str, package: str, root: Path) -> None:
    """Unpack a package of a release into *root*, without what it depends on."""
    with tempfile.TemporaryDirectory() as folder:
        options = _apt(Path(folder), f"deb [signed-by={KEYS}] {mirror()} {release} main")
        run("apt-get", *options, "download", package, cwd=Path(folder))
        (archive,) = Path(folder).glob("*.deb")
        run("dpkg-deb", "--extract", archive, root)


def source(release: str, package: str, folder: Path) -> Path:
    """Unpack the source of a package, as its authors wrote it, in *folder*; where it lies there."""
    with tempfile.TemporaryDirectory() as lists:
        options = _apt(Path(lists), f"deb-src [signed-by={KEYS}] {mirror()} {release} main")
        fetch = ("--only-source", "--download-only", "source", package)
        run("apt-get", *options, *fetch, cwd=folder)
    (archive,) = (path for path in folder.glob(f"{package}_*.orig.tar.*") if path.suffix != ".asc")
    place = folder / package
    place.mkdir()
    run("tar", "--extract", "--file", archive, "--strip-components", "1", cwd=place)
    return place


def _apt(folder: Path, line: str) -> list[str]:
    """The options with which apt knows *line* and nothing of this machine, and has asked there."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"{line}\n")
    told = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "APT::Sandbox::User": "root",  # whose folder it is
    }
    options = [word for name, value in told.items() for word in ("-o", f"{name}={value}")]
    run("apt-get", *options, "update")
    return options
