"""nginx and Caddy from the files that are shipped, on free ports of loopback."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support import ports, server
from tests.support.certificates import certificate
from tests.support.containers.engine import PATH
from tests.support.need import need

DEPLOY = server.REPOSITORY / "deploy"
HOST = "licences.example.com"
"""As the shipped file for nginx says."""
_NGINX = """\
daemon off; user root; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/hostseal.conf;
}}
"""
_CADDY = """\
{{
	admin off
	http_port {http}
	https_port {https}
	auto_https disable_certs
"""


class Proxy:
    """A proxy that listens, as somebody elsewhere sees it."""

    def __init__(self, folder: Path, name: str, process: "subprocess.Popen[bytes]") -> None:
        self.folder, self.name, self.process = folder, name, process
        self.http = self.https = 0

    def client(self, address: str = "127.0.0.1", host: str = HOST) -> httpx.Client:
        """Who comes from *address*, and asks for *host*."""

        def named(request: httpx.Request) -> None:
            request.extensions["sni_hostname"] = HOST

        return httpx.Client(
            transport=httpx.HTTPTransport(
                verify=self.trust, local_address=address, trust_env=False
            ),
            base_url=f"https://127.0.0.1:{self.https}",
            headers={"Host": host},
            event_hooks={"request": [named]},
            timeout=60,
        )

    trust: Any = True
    """What verifies its certificate."""


@contextmanager
def running(name: str, folder: Path, upstream: str) -> Iterator[Proxy]:
    """*name*, nginx or caddy, before the server at the address *upstream* (HOST:PORT)."""
    program = shutil.which(name, path=PATH)
    if program is None:
        need(name, f"apt-get install {name}")
    http, https = ports.free(), ports.free()
    _, authority = certificate(folder, HOST)
    line, env = (_nginx if name == "nginx" else _caddy)(folder, http, https, upstream)
    with (
        (folder / "proxy.log").open("wb") as log,
        subprocess.Popen(
            [program, *line], env={"PATH": PATH, "HOME": str(folder)} | env, stdout=log, stderr=log
        ) as process,
    ):
        try:
            proxy = Proxy(folder, name, process)
            proxy.http, proxy.https = http, https
            proxy.trust = ssl.create_default_context(cafile=authority)
            server.until(process, lambda: ports.listens(https))
            yield proxy
        finally:
            process.terminate()


def _nginx(folder: Path, http: int, https: int, upstream: str) -> tuple[list[str], dict[str, str]]:
    shipped = (DEPLOY / "nginx/hostseal.conf").read_text("utf-8")
    for former, present in (
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{http};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{https} ssl"),
        ("/etc/ssl/certs/hostseal.pem", f"{folder}/server.pem"),
        ("/etc/ssl/private/hostseal.key", f"{folder}/server.pem"),
        ("/var/log/nginx/hostseal.log", f"{folder}/access.log"),
        ("server 127.0.0.1:8080;", f"server {upstream};"),
    ):
        assert shipped.count(former) == 1, former
        shipped = shipped.replace(former, present)
    (folder / "hostseal.conf").write_text(shipped, "utf-8")
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder), "utf-8")
    return ["-c", str(folder / "nginx.conf"), "-p", str(folder)], {}


def _caddy(folder: Path, http: int, https: int, upstream: str) -> tuple[list[str], dict[str, str]]:
    shipped = (DEPLOY / "caddy/Caddyfile").read_text("utf-8")
    pem = folder / "server.pem"
    told = f"\ttls {pem} {pem}\n\tbind 127.0.0.1\n"  # no authority can be asked here
    for former, present in (
        ("{\n\tlog {\n", f"{_CADDY.format(http=http, https=https)}\tlog {{\n"),
        ("{$HOSTSEAL_HOST} {\n", f"{{$HOSTSEAL_HOST}} {{\n{told}"),
    ):
        assert shipped.count(former) == 1, former
        shipped = shipped.replace(former, present)
    (folder / "Caddyfile").write_text(shipped, "utf-8")
    env = {"HOSTSEAL_HOST": HOST, "HOSTSEAL_UPSTREAM": upstream}
    return ["run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"], env
