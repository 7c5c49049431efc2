"""Errors of accounts, sessions, invitations and single sign-on."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class FormExpiredError(LicenseError):
    """The form's token does not belong to the session."""

    row = Problem(
        "form-expired",
        80,
        "This form has expired",
        "This form belongs to another session, or your session has ended; nothing was issued.",
        "Reload the page and submit the form again.",
    )


class TooManyAttemptsError(LicenseError):
    """Signing in is slowed after wrong attempts."""

    row = Problem(
        "too-many-attempts",
        81,
        "Too many sign-in attempts",
        "Too many failed sign-in attempts; the next one is allowed in {seconds} s.",
        "Wait, then try again.",
    )

    seconds: int


class LastAdministratorError(LicenseError):
    """Nobody would be left who can manage users."""

    row = Problem(
        "last-administrator",
        100,
        "At least one administrator is required",
        "{email} is the last administrator; without one, nobody could manage users.",
        "Make someone else an administrator first: `{server} user role EMAIL administrator`.",
    )

    email: str


class InvitationOverError(LicenseError):
    """The invitation was accepted, withdrawn or replaced, is over, or never was."""

    row = Problem(
        "invitation-over",
        101,
        "This invitation is no longer valid",
        "The invitation was already used, withdrawn or replaced by a later one, it has expired, or "
        "whoever sent it may no longer give this role.",
        "Ask an administrator of the licence server for a new one.",
    )


class OpenIdRefusedError(LicenseError):
    """The word of the vendor's OpenID provider lets nobody in."""

    row = Problem(
        "openid-refused",
        102,
        "Single sign-on was refused",
        "Single sign-on failed: {reason}.",
        "Start again from the desk's sign-in page; if it fails again, ask an administrator.",
    )

    reason: str


class OpenIdUnavailableError(LicenseError):
    """The vendor's OpenID provider cannot be asked."""

    row = Problem(
        "openid-unavailable",
        103,
        "The identity provider is not responding",
        "The identity provider cannot be reached: {reason}.",
        "Try again in a minute, or sign in with your password.",
    )

    reason: str


class CodesRequiredError(LicenseError):
    """Somebody's role needs one-time codes, and they have set up none."""

    row = Problem(
        "codes-required",
        119,
        "One-time codes are required",
        "The role {role} requires one-time codes.",
        "Set them up at /account; they cannot be turned off while the role requires them.",
    )

    role: str
