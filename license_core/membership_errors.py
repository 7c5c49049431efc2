"""Refusals of hosts under profiles that need more than hk1; their words are in host_problems.py."""

from __future__ import annotations

from license_core.errors import LicenseError


class MachineIdNotBoundError(LicenseError):
    """hk1-host or hk1-site without the host's own machine id."""

    profile: str
    root: str
    found: str


class HostClusterUnknownError(LicenseError):
    """hk1-cluster without a cluster's UID, or outside of a pod."""

    why: str


class HostSiteUnknownError(LicenseError):
    """hk1-site without a site."""

    why: str


class HostNotInSiteError(LicenseError):
    """The machine is not on the roster of the site whose file it has."""

    path: str
    count: int


class SiteExistsError(LicenseError):
    """``site init`` where there is a site."""

    path: str
