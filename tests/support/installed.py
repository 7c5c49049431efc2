"""A release's wheel as it is installed, with what it needs of this environment, and no more."""

import os
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def install(wheel: Path, folder: Path, *extras: str) -> dict[str, str]:
    """Install *wheel* into *folder*; the environment in which Python finds it and what it needs.

    Nothing is fetched: what it needs is linked from this environment.
    """
    own = folder / "own"
    line = [*PIP, "install", "--no-deps", "--no-index", "--target", str(own), str(wheel)]
    subprocess.run(line, check=True, capture_output=True)
    (info,) = own.glob("hostseal-*.dist-info")
    needed = _needed(Distribution.at(info), extras)
    others = folder / "others"
    others.mkdir()
    for one in needed.values():
        for name in {str(file).partition("/")[0] for file in one.files or ()} - {".."}:
            target = Path(str(one.locate_file(name)))
            if target.exists() and not (others / name).exists():
                (others / name).symlink_to(target)
    python = f"{own}{os.pathsep}{others}"
    return {"PATH": os.environ["PATH"], "PYTHONPATH": python, "LC_ALL": "C.UTF-8"}


def run(env: dict[str, str], *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What comes of ``license-server`` or ``license-cli`` as its script starts it."""
    module = {"license-server": "license_server.start", "license-cli": "license_cli.app"}[words[0]]
    code = f"import sys; sys.argv[0] = {words[0]!r}; from {module} import main; sys.exit(main())"
    line = [sys.executable, "-S", "-P", "-c", code, *words[1:]]  # -S: nothing of this environment
    return subprocess.run(line, env=env, cwd=cwd, capture_output=True, text=True, timeout=240)


def _needed(of: Distribution, extras: tuple[str, ...] = ()) -> dict[str, Distribution]:
    """All distributions that *of* needs with *extras*, by name."""
    found: dict[str, Distribution] = {}
    waiting = [(of, extras)]
    while waiting:
        one, wanted = waiting.pop()
        for text in one.requires or ():
            need = Requirement(text)
            if need.marker and not any(
                need.marker.evaluate({"extra": extra}) for extra in ("", *wanted)
            ):
                continue
            name = re.sub(r"[-_.]+", "-", need.name).lower()
            if name not in found:
                try:
                    found[name] = distribution(name)
                except PackageNotFoundError as error:
                    raise AssertionError(f"{text} of {one.name} is not installed") from error
                waiting.append((found[name], tuple(need.extras)))
    return found
