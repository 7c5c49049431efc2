"""Every error class of core and server, collected from the source, and exit codes by slug."""

import importlib
import pkgutil
from collections.abc import Iterator

import license_core
import license_server
from license_core.errors import LicenseError
from license_server.http.problem_types import ROWS


def exit_code(slug: str) -> int:
    """What a command exits with that fails with this problem, of either half."""
    return ROWS[slug].exit_code


def error_kinds() -> dict[str, type[LicenseError]]:
    """Each class of errors of the core and of the server, by its slug, wherever it is written."""
    for package in (license_core, license_server):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    kinds = [kind for kind in _below(LicenseError) if kind.__module__.startswith("license_")]
    found = {kind.row.slug: kind for kind in kinds}
    assert len(found) == len(kinds), "a slug stands at two errors"
    return found


def _below(kind: type[LicenseError]) -> Iterator[type[LicenseError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
