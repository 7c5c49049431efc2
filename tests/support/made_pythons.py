"""Pythons that hardly a machine has: 3.14, and one for musl.

The first is unpacked from packages of Debian's next release, the second is built from the source of
its last one. Each lies in ``.cache`` beside the libc that it wants. ``make pythons`` fetches the
first, so that the tests of other Pythons find it.
"""

import sys
import tempfile
from pathlib import Path

from tests.support import cache, debian

PYTHONS = cache.CACHE / "pythons"
"""Where those lie that run like any other of this machine, each in ``usr/bin`` of its folder."""
_NEXT_RELEASE, _NEWEST = "forky", "python3.14"
_LAST_RELEASE, _FOR_MUSL = "trixie", "python3.13"
_LIBRARIES_OF, _LIBRARIES = "bookworm", (("zlib", "ZLIB", "z"), ("libffi", "LIBFFI", "ffi"))
_BUILDING = ("musl-gcc", "gcc", "make", "xz")
_LEFT_OUT = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "__pycache__")
_MUSL = cache.CACHE / "musl"
_PROGRAM = "usr/bin/python3"
_START = """#!/bin/sh
exec {root}/lib64/ld-linux-x86-64.so.2 --library-path {root}/lib/x86_64-linux-gnu \\
  --argv0 "$0" {root}/bin/{name}.elf "$@"
"""
_START_FOR_MUSL = f"""#!/bin/sh
exec {_MUSL}/root/usr/lib/ld-musl-x86_64.so.1 {_MUSL}/root/{_PROGRAM} "$@"
"""
# CPython asks which system the compiler builds for, and Debian's musl has no headers of the kernel.
_COMPILER = """#!/bin/sh
[ "$*" = --print-multiarch ] && exec echo x86_64-linux-musl
exec musl-gcc -idirafter {headers} "$@"
"""


def newest() -> Path:
    """The interpreter of the newest Python. Raises cache.UnavailableError."""
    place = PYTHONS / _NEWEST

    def make(root: Path) -> None:
        debian.unpack(_NEXT_RELEASE, _NEWEST, root)
        program = root / "usr" / "bin" / _NEWEST
        program.rename(program.with_name(f"{_NEWEST}.elf"))
        program.write_text(_START.format(root=place / "usr", name=_NEWEST))
        program.chmod(0o755)

    return cache.kept(place, make) / "usr" / "bin" / _NEWEST


def musl() -> Path:
    """The interpreter of the Python for musl. Raises cache.UnavailableError."""
    return cache.kept(_MUSL, _build) / "python3"


def root_for_musl() -> Path:
    """A root folder with that Python and musl, and no more. Raises cache.UnavailableError."""
    return musl().with_name("root")


def _build(place: Path) -> None:
    if missing := debian.missing(*_BUILDING):
        told = "apt-get install musl-tools linux-libc-dev gcc make xz-utils"
        raise cache.UnavailableError(f"{missing[0]} is missing; {told}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        compiler = _compiler(path)
        # Without pkg-config it finds no library but those of the compiler.
        found = {"PKG_CONFIG": "false", "CC": compiler, "OPT": "-O1 -DNDEBUG"}
        for name, variable, library in _LIBRARIES:
            source = debian.source(_LIBRARIES_OF, name, path)
            debian.run("./configure", "--prefix=/", cwd=source, CC=compiler, CFLAGS="-O1 -fPIC")
            put = path / f"put-{name}"
            debian.run("make", "-j2", "install", f"DESTDIR={put}", cwd=source)
            for shared in (put / "lib").glob("*.so*"):
                shared.unlink()
            found[f"{variable}_CFLAGS"] = f"-I{put}/include"
            found[f"{variable}_LIBS"] = f"-L{put}/lib -l{library}"
        python = debian.source(_LAST_RELEASE, _FOR_MUSL, path)
        options = ("--prefix=/usr", "--disable-test-modules", "--without-ensurepip")
        debian.run("./configure", *options, cwd=python, **found)
        debian.run("make", "-j2", cwd=python)
        _put(python, place / "root")
    debian.unpack(_LAST_RELEASE, "musl", place / "root")
    start = place / "python3"
    start.write_text(_START_FOR_MUSL)
    start.chmod(0o755)


def _compiler(folder: Path) -> str:
    """A compiler for musl, which finds the kernel's headers."""
    headers = folder / "headers"
    headers.mkdir()
    places = {"linux": "linux", "asm": "x86_64-linux-gnu/asm", "asm-generic": "asm-generic"}
    for name, place in places.items():
        (headers / name).symlink_to(Path("/usr/include", place))
    compiler = folder / "compiler"
    compiler.write_text(_COMPILER.format(headers=headers))
    compiler.chmod(0o755)
    return str(compiler)


def _put(built: Path, root: Path) -> None:
    """Put what was built in place, but for what no product needs."""
    library = root / "usr" / "lib" / _FOR_MUSL
    (root / "usr" / "bin").mkdir(parents=True)
    library.mkdir(parents=True)
    debian.run("cp", built / "python", root / _PROGRAM)
    without = [f"--exclude={name}" for name in _LEFT_OUT]
    archive = built / "library.tar"
    debian.run("tar", "--create", "--file", archive, *without, ".", cwd=built / "Lib")
    debian.run("tar", "--extract", "--file", archive, cwd=library)
    (modules,) = (path for path in (built / "build").glob("lib.*"))
    debian.run("cp", "--dereference", "--recursive", modules, library / "lib-dynload")


if __name__ == "__main__":
    try:
        print(newest())
    except cache.UnavailableError as error:
        sys.exit(f"{_NEWEST} cannot be fetched: {error}")
