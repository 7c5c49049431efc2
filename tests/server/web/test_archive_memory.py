"""An archive of 5,000 licences with letters takes little memory: it is made while it is sent."""

import os
import re
import time
import zipfile
from pathlib import Path

import httpx
import pytest

from license_server.actor import COMMAND
from license_server.operations import data_folder
from license_server.sheets import chosen, importer, order_sheet
from tests.bench.bulk import make_sheet
from tests.support import server
from tests.support.pages import form
from tests.support.postgres import new_database

MOST = 48
"""MiB above the server that is idle."""


def memory(pid: int, name: str) -> float:
    """A figure of a process's memory, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(rf"{name}:\s*(\d+)", status)[0]) / 1024


@pytest.mark.torture
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_archive_of_5000_licences_takes_little_memory(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    settings = server.make(tmp_path / "server", url)
    make_sheet(tmp_path / "orders.csv", chosen.MOST)
    database, issuer = data_folder.open_vault(settings)
    with (tmp_path / "orders.csv").open("rb") as stream:
        lines, now = order_sheet.read(stream, "utf-8"), int(time.time())
        for _ in importer.issue(database, issuer, lines, COMMAND, now, os.urandom, "all"):
            pass
    database.close()
    out = tmp_path / "licenses.zip"
    with (
        # An interpreter of its own: a fork shares memory with this one.
        server.serving(settings.data, url, PYTHONPATH="") as (base, process),
        httpx.Client(base_url=base, timeout=300, follow_redirects=True) as client,
    ):
        login = form(client.get("/login").text, "/login")
        named = {"email": server.EMAIL, "password": server.PASSWORD}
        client.post("/login", data=login | named)
        for page in ("/licenses", "/licenses/export?form=zip&scope=all&q=Customer+77"):
            assert client.get(page).status_code == 200
        idle = memory(process.pid, "VmRSS")
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak begins anew
        began = time.monotonic()
        with (
            client.stream("GET", "/licenses/export?form=zip&scope=all") as reply,
            out.open("wb") as file,
        ):
            first = None
            for piece in reply.iter_bytes():
                first = first or time.monotonic() - began
                file.write(piece)
        took = time.monotonic() - began
        most = memory(process.pid, "VmHWM")
    packed = zipfile.ZipFile(out)
    assert packed.testzip() is None
    assert sum(name.endswith("/license.dat") for name in packed.namelist()) == chosen.MOST
    print(
        f"{kind}: {out.stat().st_size / 2**20:.1f} MiB in {took:.1f} s, the first part after "
        f"{first:.2f} s; {most:.0f} MiB next to {idle:.0f}"
    )
    assert most - idle <= MOST
