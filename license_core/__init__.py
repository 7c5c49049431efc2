"""Hostseal's core: host identity, the licence, and the check.

A product's code needs one name of it::

    from license_core import check_installed

    report = check_installed()
    report.require_valid()
    if "export" in report.features: ...
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from license_core.installed import check_installed, check_license
    from license_core.verify import Report
    from license_core.watcher import Change, Watcher, watch

__all__ = ["Change", "Report", "Watcher", "check_installed", "check_license", "watch"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Imported when asked for: `get_host_key` must not pay for the verifier.
    if name in ("check_installed", "check_license"):
        from license_core import installed

        return getattr(installed, name)
    if name == "Report":
        from license_core.verify import Report

        return Report
    if name in ("Change", "Watcher", "watch"):
        from license_core import watcher

        return getattr(watcher, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
