"""What is refused of accounts, sessions, invitations and single sign-on."""

from license_core.errors import LicenseError
from license_core.problems import Problem


class FormExpiredError(LicenseError):
    """The form's token does not belong to the session."""

    row = Problem(
        "form-expired",
        80,
        "The form is too old",
        "The form was not made in this session, or the session has ended; nothing was issued.",
        "Load the page again and send the form once more.",
    )


class TooManyAttemptsError(LicenseError):
    """Signing in is slowed after wrong attempts."""

    row = Problem(
        "too-many-attempts",
        81,
        "Too many attempts",
        "Too many attempts to sign in; seconds until the next is allowed: {seconds}.",
        "Wait that long and try again.",
    )

    seconds: int


class LastAdministratorError(LicenseError):
    """Nobody would be left who may manage people."""

    row = Problem(
        "last-administrator",
        100,
        "There must be an administrator",
        "{email} is the last administrator; without one nobody could manage people.",
        "Make somebody else an administrator first: `{server} user role EMAIL administrator`.",
    )

    email: str


class InvitationOverError(LicenseError):
    """The invitation was accepted, withdrawn or replaced, is over, or never was."""

    row = Problem(
        "invitation-over",
        101,
        "The invitation does not hold",
        "The invitation was used, withdrawn or replaced by a later one, or its days are over.",
        "Ask an administrator of the licence server for another.",
    )


class OpenIdRefusedError(LicenseError):
    """The word of the vendor's OpenID provider lets nobody in."""

    row = Problem(
        "openid-refused",
        102,
        "The provider's word lets nobody in",
        "Signing in with the provider did not succeed: {reason}.",
        "Begin again at the desk's sign-in page; if it fails again, ask an administrator.",
    )

    reason: str


class OpenIdUnavailableError(LicenseError):
    """The vendor's OpenID provider cannot be asked."""

    row = Problem(
        "openid-unavailable",
        103,
        "The provider does not answer",
        "The OpenID provider cannot be asked: {reason}.",
        "Try again in a minute, or sign in with a password.",
    )

    reason: str
