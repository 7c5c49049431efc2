"""``make pins``, from end to end, against an index of packages on loopback."""

import hashlib
import http.server
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import loopback, pins, release
from tests.support.need import need
from tests.support.server import REPOSITORY

WANTED = {
    "tools": "hostseal-tool\n",
    "build": "hostseal-builder\n",
    "client": "hostseal-link\n",
    "server": "-r client.in\nhostseal-desk\n",
    "dev": "-r server.in\nhostseal-probe\n",
}
"""What each set asks for; in the place of the packages that are really used."""


def publish(folder: Path, name: str, version: str, *needs: str) -> str:
    """Put a package into the index; the SHA-256 of its wheel."""
    plain = name.replace("-", "_")
    path = folder / name / f"{plain}-{version}-py3-none-any.whl"
    path.parent.mkdir(exist_ok=True)
    told = "".join(f"Requires-Dist: {one}\n" for one in needs)
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{told}",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(f"{plain}-{version}.dist-info/{file}", text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """The packages in *folder* as an index of PEP 503; its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = folder / self.path.removeprefix("/simple/").strip("/")
            body = b""
            if path.is_dir():
                links = (f'<a href="{one.name}">{one.name}</a>' for one in sorted(path.iterdir()))
                body = "".join(links).encode()
            elif path.is_file():
                body = path.read_bytes()
            self.send_response(200 if path.exists() else 404)
            kind = "text/html" if path.is_dir() else "application/octet-stream"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with loopback.serving(Handler) as url:
        yield f"http://{urlsplit(url).netloc}/simple/"


@pytest.mark.torture
def test_pins_are_chosen_hashed_and_told_of_without_the_address_of_the_index(
    tmp_path: Path,
) -> None:
    tools = REPOSITORY / ".cache/tools/pip.stamp"
    made = subprocess.run(
        ["make", str(tools.relative_to(REPOSITORY))],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        need("pip-tools", f"let this machine reach an index of packages: {made.stderr[-300:]}")
    here, packages = tmp_path / "copy", tmp_path / "packages"
    release.source(here)
    packages.mkdir()
    for name in (".venv", ".cache"):
        (here / name).symlink_to(REPOSITORY / name)
    requirements = here / "requirements"
    for name, text in WANTED.items():
        (requirements / f"{name}.in").write_text(text)
        (requirements / f"{name}.txt").unlink()
    (requirements / "CHANGES.md").unlink()
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")

    def git(*words: str) -> None:
        subprocess.run(["git", *identity, *words], cwd=here, check=True, capture_output=True)

    with index(packages) as url:
        env = os.environ | {
            "PIP_INDEX_URL": url,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
            "PIP_TOOLS_CACHE_DIR": str(tmp_path / "cache"),
        }
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PYTHONDONTWRITEBYTECODE"):
            env.pop(name, None)

        def make() -> str:
            stamps = ("-o", ".venv/dev.stamp", "-o", ".cache/tools/pip.stamp")
            done = subprocess.run(
                ["make", *stamps, "pins"], cwd=here, env=env, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        for name in ("hostseal-tool", "hostseal-builder", "hostseal-link", "hostseal-probe"):
            publish(packages, name, "1.0")
        publish(packages, "hostseal-desk", "1.0", "hostseal-drawer")
        publish(packages, "hostseal-drawer", "3")
        assert "- hostseal-drawer 3 is new (server, dev)\n" in make()
        git("init", "--quiet")
        git("add", "requirements")
        git("commit", "--quiet", "--message", "pins")
        assert make().endswith("\nNothing changed.\n")

        digest = publish(packages, "hostseal-link", "1.1")
        publish(packages, "hostseal-desk", "2.0")
        told = make()
    assert "- hostseal-link 1.0 → 1.1 (client, server, dev)\n" in told
    assert "- hostseal-drawer 3 is gone (server, dev)\n" in told
    entry = told[told.index("\n## ") :]
    assert entry in (requirements / "CHANGES.md").read_text("utf-8")
    for name in pins.SETS:
        text = (requirements / f"{name}.txt").read_text("utf-8")
        assert url not in text and "127.0.0.1" not in text
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", text)
    assert f"hostseal-link==1.1 \\\n    --hash=sha256:{digest}" in (
        requirements / "client.txt"
    ).read_text("utf-8")
