"""Hostseal's core: host identity, the licence, and the check.

A product's code needs one name of it::

    from license_core import check_installed

    report = check_installed()
    report.require_valid()
    if "export" in report.features: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from license_core.installed import check_installed
    from license_core.verify import Report

__all__ = ["Report", "check_installed"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Imported when asked for: `get_host_key` must not pay for the verifier.
    if name == "check_installed":
        from license_core.installed import check_installed

        return check_installed
    if name == "Report":
        from license_core.verify import Report

        return Report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
