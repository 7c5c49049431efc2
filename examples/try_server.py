"""A vendor's server to click through: what `make serve` starts.

Makes a vendor in the folder that it is given, once, and serves it on loopback. For trying only:
the passphrase of the keys lies beside the keys.
"""

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

ADMIN = "admin@example.com"
PORT = "8000"
SERVER = [sys.executable, "-m", "license_server"]


def main() -> int:
    """Set up what is missing, then serve until Ctrl-C."""
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(mode=0o700, exist_ok=True)
    data, passphrase, password = folder / "data", folder / "passphrase", folder / "password"
    environment = os.environ | {
        "LICENSE_SERVER_DATA": str(data),
        "LICENSE_SERVER_PASSPHRASE_FILE": str(passphrase),
        "LICENSE_SERVER_ADMIN_PASSWORD_FILE": str(password),
    }
    if not data.exists():
        for secret in (passphrase, password):
            _write_secret(secret)
        line = [*SERVER, "init", "--vendor", "Example Vendor", "--admin", ADMIN]
        done = subprocess.run(line, env=environment)
        if done.returncode != 0:
            return done.returncode
    port = os.environ.get("PORT", PORT)
    if _is_taken(port):
        print(
            f"[E]: Port {port} is taken.\n     Choose another: `PORT={int(port) + 11} make serve`.",
            file=sys.stderr,
        )
        return 83  # SPEC section 9: address-in-use
    print(f"Log in as {ADMIN} with the password {password.read_text('ascii').strip()}")
    print(
        "Paste there what `.venv/bin/python cmd/cli.py get_host_key` prints. "
        "Ctrl-C ends the server."
    )
    if "LICENSE_SERVER_PORTAL" not in environment:
        print(
            "With the customer portal: `LICENSE_SERVER_PORTAL=true "
            f"LICENSE_SERVER_PUBLIC_URL=http://127.0.0.1:{port} make serve`. With mail: export the "
            "settings of docs/RUNNING.md, *Sending mail*, too."
        )
    sys.stdout.flush()
    try:
        serve = [*SERVER, "serve", "--port", port]
        return subprocess.run(serve, env=environment).returncode
    except KeyboardInterrupt:
        return 0


def _is_taken(port: str) -> bool:
    """Whether something listens on *port* of loopback already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except (ValueError, OverflowError):
            return False  # no port: the server says so
        except OSError:
            return True
    return False


def _write_secret(path: Path) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(secrets.token_urlsafe(12) + "\n")


if __name__ == "__main__":
    sys.exit(main())
