"""The start of ``license-server``: also where Python is too old, or only the client is installed.

Written so that a Python of the client's can read it and say so.
"""

import sys
from importlib.util import find_spec

PACKAGES = (
    *(
        "sqlalchemy",
        "alembic",
        "argon2",
        "authlib",
        "fastapi",
        "httptools",
        "itsdangerous",
        "jinja2",
    ),
    *("prometheus_client", "pydantic_settings", "pyotp", "segno", "structlog", "uvicorn"),
)
"""Those of the extra "server", as they are imported; commands do that where they use them."""


def main() -> int:
    """Run the command; return its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  # the client's packages install on 3.8
        here = "{}.{}".format(*sys.version_info)
        sys.stderr.write(
            f"[E]: Python 3.11 or later is needed for license-server; {sys.executable} is {here}.\n"
            "     Install it there: `python3.11 -m pip install 'hostseal[server]'`.\n"
        )
        return 3
    missing = next((name for name in PACKAGES if find_spec(name) is None), None)
    if missing is not None:
        from license_server.cli import base

        return base.main(missing)
    from license_server.cli.main import main as run

    return run()
