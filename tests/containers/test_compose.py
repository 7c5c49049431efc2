"""deploy/compose: few lines, nothing more than needed, and the README's commands work."""

import os
import re
import shutil
import subprocess
import sys
import time
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import cache, first_licence, page_commands
from tests.support.containers import compose
from tests.support.containers.engine import PATH, Engine, shared_paths
from tests.support.containers.image import BASE_IMAGE
from tests.support.need import need
from tests.support.proxies import DEPLOY
from tests.support.server import REPOSITORY

COMPOSE = DEPLOY / "compose"
README = (COMPOSE / "README.md").read_text("utf-8")


def composed() -> dict[str, Any]:
    """What the file says; an anchor's services have it all."""
    return dict(yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8")))


def test_compose_file_has_at_most_40_lines_and_grants_nothing() -> None:
    assert (COMPOSE / "compose.yaml").read_text("utf-8").count("\n") <= 40
    services = composed()["services"]
    for name in ("server", "init"):
        one = services[name]
        assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert "ports" not in one
        assert one["secrets"] == ["passphrase"]
    assert services["db"]["network_mode"] == "none"
    assert [name for name, one in services.items() if "ports" in one] == ["proxy"]
    (subnet,) = composed()["networks"]["default"]["ipam"]["config"]
    address = services["proxy"]["networks"]["default"]["ipv4_address"]
    assert services["server"]["environment"]["LICENSE_SERVER_TRUSTED_PROXIES"] == address
    assert ip_address(address) in ip_network(subnet["subnet"])
    # Or the server, which starts at the same time, may be given it first.
    assert ip_address(address) not in ip_network(subnet["ip_range"])


def test_commands_to_the_first_licence_are_five() -> None:
    (block,) = page_commands.blocks("deploy/compose/README.md")
    assert len(block.splitlines()) == 5


def override() -> str:
    """The services on the tests' base image, with the programs of this machine."""
    mounts = [f"{path}:{path}:ro" for path in shared_paths()]
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not newest:
        need("PostgreSQL", "apt-get install postgresql")
    server = {
        "image": BASE_IMAGE,
        "entrypoint": ["tini", "--", sys.executable, "-m", "tests.support.quick_keys"],
        "volumes": mounts,
        "working_dir": "/data",
        "environment": {
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LICENSE_SERVER_DATA": "/data/hostseal",
            "TMPDIR": "/data",
        },
    }
    serve = {"command": ["serve", "--host", "0.0.0.0", "--upgrade"]}
    database = {
        "image": BASE_IMAGE,
        "entrypoint": ["sh", str(REPOSITORY / "tests/support/containers/postgres.sh")],
        "volumes": mounts,
        "environment": {"PATH": f"{newest[-1].parent}:{PATH}", "PGHOST": "/run/postgresql"},
    }
    proxy = {
        "image": BASE_IMAGE,
        "entrypoint": ["caddy", "run", "--config", "/etc/caddy/Caddyfile"],
        "command": ["--adapter", "caddyfile"],
        "volumes": mounts,
        "environment": {"HOME": "/data"},
    }
    told = {"server": server | serve, "init": server, "db": database, "proxy": proxy}
    return str(yaml.safe_dump({"services": told}, sort_keys=False))


@pytest.fixture(params=["docker compose", "docker-compose"])
def composing(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """How Compose is called here, version 2 or 1, and what it needs in its environment."""
    if request.param == "docker compose":
        try:
            return request.param, {"DOCKER_CONFIG": str(compose.plugins())}
        except cache.UnavailableError as error:
            need("docker compose", f"let this machine reach Debian's mirror ({error})")
    if shutil.which(request.param, path=PATH) is None:
        need(request.param, "apt-get install docker-compose")
    return request.param, {}


@pytest.mark.torture
@pytest.mark.xdist_group("docker")
def test_readme_leads_to_the_first_licence_a_backup_and_a_restore(
    engine: Engine, tmp_path: Path, composing: tuple[str, dict[str, str]]
) -> None:
    for tool in ("caddy", "tini"):
        if shutil.which(tool, path=PATH) is None:
            need(tool, f"apt-get install {tool}")
    called, needs = composing
    here = tmp_path / "deploy" / "compose"
    shutil.copytree(COMPOSE, here)
    shutil.copytree(DEPLOY / "caddy", here.parent / "caddy")
    (here / "compose.override.yaml").write_text(override())
    (block,) = page_commands.blocks("deploy/compose/README.md")
    _, copy, passphrase, init, up = block.splitlines()

    def sh(line: str) -> str:
        line = line.replace("docker compose", called).replace("-o 10001 ", "")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=here,
            env=engine.environment | needs | {"PATH": PATH, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    began = time.monotonic()
    sh(copy)
    settings = (here / ".env").read_text().replace("licences.example.com", "localhost")
    (here / ".env").write_text(settings)
    sh(passphrase)
    said = sh(init)
    assert "The fingerprint of the root key: " in said
    (invitation,) = re.findall(r"^https://localhost(/invitation\?secret=\S+)", said, re.MULTILINE)
    sh(up)
    wait = "until docker compose exec -T server %s -c '%s'; do sleep 0.2; done"
    ask = 'import urllib.request as u; u.urlopen("http://127.0.0.1:8080/readyz")'
    sh(wait % (sys.executable, ask))
    shutil.copy(first_licence.__file__, here / "desk.py")
    desk = f"exec -T proxy {sys.executable} - https://localhost {invitation!r} < desk.py"
    number = sh(f"docker compose {desk}").strip()
    print(f"{called}: 5 commands, {time.monotonic() - began:.0f} s to licence {number}")
    serve = f"{sys.executable} -m license_server"
    (backup,) = re.findall(r"^- Backup.*`(.*)`$", README, re.MULTILINE)
    sh(backup.replace("server license-server", f"server {serve}"))
    sh("docker compose down --volumes")
    restore = re.findall(r"^- Restore.*`(docker compose run.*?)`", README, re.MULTILINE)[0]
    sh(restore)
    sh(up)
    sh(wait % (sys.executable, ask))
    assert number in sh(f"docker compose exec -T server {serve} list")
    sh("docker compose down --volumes")
    os.sync()
