"""The states of a licence, and which acts each leaves open; a refusal says what became of it."""

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.licenses.acts import OFFERED, Act
from license_server.licenses.errors import LicenseStateError
from license_server.licenses.license_store import StoredLicense


def possible(stored: StoredLicense, actor: Actor) -> tuple[Act, ...]:
    """The acts that are open to *actor* on a licence now."""
    return tuple(
        act
        for act in OFFERED
        if stored.state in act.starts_from
        and not _is_over(stored, act)
        and act.permission in actor.permissions
        and actor.may_use(stored.product)
    )


def check(stored: StoredLicense, act: Act) -> None:
    """Raise LicenseStateError unless *act* is possible on what *stored* is by now."""
    if stored.state not in act.starts_from:
        became = {
            "active": Reason("is neither suspended nor revoked"),
            "returned": Reason("was given back"),
            "replaced": Reason("was replaced by {number}", number=stored.replaced_by),
            "suspended": Reason("is suspended"),
            "revoked": Reason("was revoked"),
        }[stored.state]
        raise refusal(stored, act, became)
    if _is_over(stored, act):
        raise refusal(stored, act, Reason("was erased with its customer"))


def _is_over(stored: StoredLicense, act: Act) -> bool:
    """Whether there is no host and no customer any more for the licence that *act* issues."""
    return act.issues and stored.is_erased


def refusal(stored: StoredLicense, act: Act, became: Reason) -> LicenseStateError:
    """That *act* is not done, since the licence *became* something else, or would stay as it is."""
    return LicenseStateError(number=stored.number, act=Reason(act.words.verb), became=became)
