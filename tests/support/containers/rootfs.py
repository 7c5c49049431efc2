"""Images that hold nothing of this machine: Debian 11 with Python 3.9, busybox alone, and musl.

They are made of Debian's packages and kept in ``.cache``. Each function raises
``cache.UnavailableError`` where its image cannot be made.
"""

import io
import shutil
import tarfile
import tempfile
from pathlib import Path

from tests.support import cache, debian, made_pythons
from tests.support.containers.image import MACHINE_ID

_CACHE = cache.CACHE / "containers"
_APPLETS = ("cat", "env", "grep", "ls", "rm", "sh", "sleep", "touch", "true")
_MUSL = "lib/x86_64-linux-musl/libc.so"


def debian_11() -> Path:
    """A tar of Debian 11 with nothing but its Python 3.9."""
    return cache.kept(_CACHE / "debian-11.tar", _bootstrap)


def busybox() -> Path:
    """A tar of one static program and links to it: no libc."""
    return cache.kept(_CACHE / "busybox.tar", lambda place: _write(place, {}))


def musl() -> Path:
    """The same beside musl, as the only libc."""

    def make(place: Path) -> None:
        libc = debian.file_of("musl", _MUSL)
        _write(place, {"lib/ld-musl-x86_64.so.1": libc, "lib/libc.musl-x86_64.so.1": libc})

    return cache.kept(_CACHE / "musl.tar", make)


def musl_python() -> Path:
    """The same beside musl and a Python that was built for it."""

    def make(place: Path) -> None:
        root = made_pythons.root_for_musl()
        held = [path for path in root.rglob("*") if path.is_file()]
        files = {str(path.relative_to(root)): path.read_bytes() for path in held}
        files["lib/ld-musl-x86_64.so.1"] = files["usr/lib/ld-musl-x86_64.so.1"]
        _write(place, files)

    return cache.kept(_CACHE / "musl-python.tar", make)


def _bootstrap(place: Path) -> None:
    if debian.missing("debootstrap"):
        raise cache.UnavailableError("debootstrap is missing; apt-get install debootstrap")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        options = ["--variant=minbase", "--include=python3"]
        debian.run("debootstrap", *options, "bullseye", root, debian.mirror())
        (root / "etc" / "machine-id").write_text(f"{MACHINE_ID}\n")
        # What only makes it larger.
        for name in ("var/cache/apt", "var/lib/apt", "usr/share/doc", "usr/share/locale"):
            shutil.rmtree(root / name, ignore_errors=True)
        debian.run("tar", "--create", "--file", place, "--numeric-owner", ".", cwd=root)


def _write(place: Path, more: dict[str, bytes]) -> None:
    files = {"bin/busybox": debian.file_of("busybox-static", "bin/busybox"), **more}
    files["etc/machine-id"] = f"{MACHINE_ID}\n".encode()
    with tarfile.open(place, "w") as archive:
        for name in ("bin", "etc", "lib", "proc", "sys", "dev", "run", "tmp", "opt"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(entry)
        for name in _APPLETS:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755, len(data)
            archive.addfile(entry, io.BytesIO(data))
