"""``make onefile``: packs the client into one file, ``hostseal.pyz``, that any Python runs.

Nothing of it hangs on the machine, the folder or the time: the sources are taken in the order of
their names, and each Python compiles them in a process of its own. So the same sources and the same
Pythons give the same bytes.
"""

import functools
import hashlib
import marshal
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tests.support.pythons import PLAIN, REPOSITORY, others

OWN = ("license_core", "license_cli")
PLAIN_PACKAGES = ("click", "tomli")
LEFT_OUT = tuple(f"license_core/{name}.py" for name in ("signer", "testing", "testkit"))
"""What signs, for a vendor and for a product's tests: no customer has a use for it."""
_SHEBANG = b"#!/usr/bin/env python3\n"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # that an archive can name
_COMPILE = """
import importlib.util, marshal, sys
codes = {
    name: (path, is_package, marshal.dumps(compile(source, path, "exec", 0, True, 0)))
    for name, path, is_package, source in marshal.load(sys.stdin.buffer)
}
begins, index = 0, {}
for name, (path, is_package, code) in codes.items():
    begins += len(code)
    index[name] = (path, is_package, -begins)
data = [code for _, _, code in codes.values()] + [marshal.dumps(index)]
tag = "%s-%s" % (sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex())
marshal.dump((tag, b"".join(reversed(data))), sys.stdout.buffer)
"""
"""What a Python compiles: code that can be kept is none that another hash, or a file's time, made
otherwise."""


def sources() -> dict[str, bytes]:
    """What the archive holds of the repository and of its packages, by its name there."""
    files = {"__main__.py": REPOSITORY / "cmd" / "onefile.py"}
    files["cmd/cli.py"] = REPOSITORY / "cmd" / "cli.py"
    for folder, packages in ((REPOSITORY, OWN), (PLAIN, PLAIN_PACKAGES)):
        for package in packages:
            for suffix in ("py", "mo"):
                found = (folder / package).rglob(f"*.{suffix}")
                files |= {path.relative_to(folder).as_posix(): path for path in found}
    for package in PLAIN_PACKAGES:
        (notice,) = PLAIN.glob(f"{package}-*.dist-info/LICENSE*")
        files[f"{package}/{notice.name}"] = notice
    return {name: files[name].read_bytes() for name in sorted(files) if name not in LEFT_OUT}


def compiled(python: str, held: dict[str, bytes]) -> tuple[str, bytes]:
    """What *python* compiles of the sources, by the name that it looks for."""
    modules = []
    for path, source in held.items():
        if path.endswith(".py"):
            name = path.removesuffix(".py").removesuffix("/__init__")
            name = path if path == "cmd/cli.py" else name.replace("/", ".")
            modules.append((name, path, path.endswith("/__init__.py"), source))
    done = subprocess.run(
        [python, "-S", "-s", "-c", _COMPILE],
        input=marshal.dumps(modules, 2),
        env={"PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        check=True,
    )
    tag, data = marshal.loads(done.stdout)
    return f"compiled/{tag}", data


def build(place: Path, pythons: Iterable[str]) -> None:
    """Write the archive to *place*, with what *pythons* compile."""
    held = sources()
    held |= dict(compiled(python, held) for python in pythons)
    partial = place.with_name(f"{place.name}.{os.getpid()}.tmp")
    with partial.open("wb") as stream:
        stream.write(_SHEBANG)
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name, data in held.items():
                entry = zipfile.ZipInfo(name, _EARLIEST)
                entry.create_system, entry.external_attr = 3, 0o100644 << 16
                archive.writestr(entry, data)
    partial.chmod(0o755)
    partial.replace(place)


@functools.cache
def kept() -> Path:
    """The archive of these sources for tests."""
    told = [sources(), sys.version, makers()]
    name = f"{hashlib.sha256(repr(told).encode()).hexdigest()[:32]}.pyz"
    folder = REPOSITORY / ".cache" / "onefile"
    place = folder / name
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for former in folder.glob("*.pyz"):
            former.unlink(missing_ok=True)
        build(place, makers())
    return place


def makers() -> list[str]:
    """The Pythons that compile it for tests: this one and the oldest."""
    return [sys.executable, *list(others().values())[:1]]


def main(place: str) -> None:
    """Build it with every Python of this machine, and say what it is."""
    pythons = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable, **others()}
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    build(path, pythons.values())
    data = path.read_bytes()
    print(f"{place}: {len(data) / 2**20:.1f} MiB, SHA-256 {hashlib.sha256(data).hexdigest()}")
    print(f"It starts fastest on Python {', '.join(pythons)}, and runs on any other from 3.8 on.")


if __name__ == "__main__":
    main(*sys.argv[1:])
