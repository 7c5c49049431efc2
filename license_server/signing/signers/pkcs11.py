"""A private key in a PKCS#11 token: it signs there and never leaves it.

A module is told that one thread calls it, so one thread does: whoever wants a signature asks that
thread and waits only so long. What was lost (a session, the token, the module's state) is opened
again at the next call, so that a token which comes back is used without a restart. A PIN that was
refused is not tried again until its file says another: tokens lock themselves.

python-pkcs11 is asked for what the standard says of Ed25519 (PKCS #11 v3.0, section 2.3.5 on
CKK_EC_EDWARDS, 2.3.14 on CKM_EDDSA).
"""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, exceptions

from license_core.errors import SignerUnavailableError
from license_core.publickey import PublicKey
from license_server.db.errors import InputInvalidError
from license_server.signing.signers.backend import Described, Random
from license_server.signing.signers.pkcs11_uri import Pkcs11Uri
from license_server.signing.signers.private_file import read_private

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that somebody waits for the token."""
_MOST_WAITING = 16
"""So many may wait; a request more is refused at once."""
_ED25519 = (bytes.fromhex("06032b6570"), bytes.fromhex("130c656477617264733235353139"))
"""The curve as its OID (RFC 8410) and by its name, in DER: some tokens know one, some the other."""
_POINT_BEFORE = (b"", b"\x04\x20", b"\x03\x21\x00")
"""What stands before the 32 bytes of a point: nothing, or that they are a string, in DER."""
_ID_BYTES = 16

_GONE = (
    exceptions.DeviceError,
    exceptions.DeviceRemoved,
    exceptions.TokenNotPresent,
    exceptions.TokenNotRecognised,
    exceptions.SlotIDInvalid,
    exceptions.NoSuchToken,
)
_SAID: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (_GONE, "it was not found"),
    (
        (exceptions.PinLocked,),
        "its PIN is locked after too many wrong attempts; unlock it with the SO PIN",
    ),
    ((exceptions.PinExpired,), "its PIN has expired; set a new one"),
    ((exceptions.UserPinNotInitialized,), "it has no PIN yet; initialise it first"),
    ((exceptions.DeviceMemory, exceptions.SessionCount), "it is full"),
    (
        (exceptions.MechanismInvalid, exceptions.DomainParamsInvalid),
        "it does not support Ed25519 (CKM_EDDSA)",
    ),
    ((exceptions.TokenWriteProtected,), "it is write-protected"),
)


class Pkcs11Signer:
    """A signer whose private key is in a token."""

    most: int | None = None

    def __init__(self, uri: Pkcs11Uri, patience: float = PATIENCE) -> None:
        """*patience*: seconds that a signature may take. Raises SignerUnavailableError."""
        self._uri = uri
        self._module = _module(uri.module_path)
        self._patience = patience
        self._key: Any = None
        self._opened = 0
        self.public_key = self._ask(lambda: _public_key(self._module.session(uri), uri))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over *message*, which verifies. Raises SignerUnavailableError."""
        signature: bytes = self._ask(lambda: self._found().sign(message, mechanism=Mechanism.EDDSA))
        if not self.public_key.verifies(signature, message):
            raise _unavailable(self._uri, "its signature does not verify")
        return signature

    def check(self) -> None:
        """Raise SignerUnavailableError unless it could sign now."""
        self._ask(lambda: self._found()[Attribute.SIGN])

    def describe(self) -> Described:
        """What the token tells of the key. Raises SignerUnavailableError."""

        def look() -> bool:
            key = self._found()
            return not key[Attribute.SENSITIVE] or bool(key[Attribute.EXTRACTABLE])

        place = f"key {self._uri.key_name} in the token {self._uri.token_name}"
        return Described(self.public_key, place, exportable=self._ask(look))

    def _found(self) -> Any:
        """The private key, looked up again where the module was opened again."""
        session = self._module.session(self._uri)
        if self._key is None or self._opened != self._module.opened:
            self._key, self._opened = _private_key(session, self._uri), self._module.opened
        return self._key

    def _ask(self, work: Callable[[], T]) -> T:
        """The result of *work*; done once more where the token had lost what was open."""
        return self._module.ask(self._uri, work, self._patience)

    def __repr__(self) -> str:
        return f"Pkcs11Signer({self._uri.key_name})"


def open_pkcs11(uri: str) -> Pkcs11Signer:
    """The signer of the key that *uri* names, without its scheme.

    Raises InputInvalidError, SecretFileOpenError or SignerUnavailableError.
    """
    return Pkcs11Signer(Pkcs11Uri.parse(uri))


def create_pkcs11(uri: str, random: Random) -> PublicKey:
    """Let the token make a key that stays in it: sensitive, and not extractable.

    Raises InputInvalidError where there is such a key already, SecretFileOpenError or
    SignerUnavailableError.
    """
    parsed = Pkcs11Uri.parse(uri)
    module = _module(parsed.module_path)
    id_ = parsed.id or random(_ID_BYTES)

    def make() -> PublicKey:
        session = module.session(parsed)
        if any(True for _ in session.get_objects(_wanted(parsed, ObjectClass.PRIVATE_KEY))):
            reason = f"the token {parsed.token_name} has a key {parsed.key_name} already"
            raise InputInvalidError(field="URI", reason=f"{reason}; choose a new name")
        # Who is signed in is the same in all sessions of a process.
        writing = session.token.open(rw=True)
        try:
            return _key_of(_generate(writing, parsed.object, id_))
        finally:
            writing.close()

    module.ask(parsed, lambda: module.session(parsed), PATIENCE)
    return module.ask(parsed, make, PATIENCE, again=False)  # it might have made one


class _Module:
    """A PKCS#11 module in this process, the thread that calls it, and what is open in it.

    All but ``ask`` and ``close`` is done by that thread.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.opened = 0
        """How often it was opened; what was found before the last time is no more."""
        self._sessions: dict[tuple[str, bytes], Any] = {}
        self._refused: dict[tuple[str, bytes], str] = {}
        """The PIN that a token refused."""
        self._library: Any = None
        self._asked: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="pkcs11", daemon=True).start()

    def ask(
        self, uri: Pkcs11Uri, work: Callable[[], T], patience: float, *, again: bool = True
    ) -> T:
        """The result of *work*, done by the module's thread within *patience* seconds.

        *again*: where the token had lost what was open, it is opened and asked once more. What
        nobody waits for any more is not begun. Raises SignerUnavailableError, or what *work*
        raises on purpose.
        """
        if self._asked.qsize() >= _MOST_WAITING:
            raise _unavailable(uri, f"{_MOST_WAITING} signatures are already waiting for it")
        future: Future[T] = Future()
        self._asked.put((lambda: self._do(uri, work, again=again), future))
        try:
            return future.result(patience)
        except TimeoutError as error:
            future.cancel()
            reason = f"it has not answered within {patience:g} seconds"
            raise _unavailable(uri, reason) from error

    def session(self, uri: Pkcs11Uri) -> Any:
        """A session with the token of *uri* in which its user is signed in."""
        if self._library is None:
            self._library = self._open(uri)
            self.opened += 1
        for name, session in self._sessions.items():
            if _matches(session.token, uri):
                return self._sessions[name]
        tokens = [token for token in _tokens(self._library) if _matches(token, uri)]
        if not tokens:
            raise exceptions.NoSuchToken
        if len(tokens) > 1:
            reason = f"{len(tokens)} tokens have this name; add its serial"
            raise _unavailable(uri, reason)
        return self._sign_in(tokens[0], uri)

    def _open(self, uri: Pkcs11Uri) -> Any:
        try:
            return pkcs11.lib(self.path)
        except exceptions.PKCS11Error as error:
            reason = f"its module {self.path} cannot be opened ({_code(error)})"
            raise _unavailable(uri, reason) from error

    def _sign_in(self, token: Any, uri: Pkcs11Uri) -> Any:
        name = (token.label, token.serial)
        pin = _read_pin(uri)
        if self._refused.get(name) != pin:
            try:
                self._sessions[name] = token.open(user_pin=pin)
            except (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange):
                self._refused[name] = pin
                raise _pin_refused(uri) from None
            self._refused.pop(name, None)
            return self._sessions[name]
        raise _pin_refused(uri)

    def _do(self, uri: Pkcs11Uri, work: Callable[[], T], *, again: bool) -> T:
        try:
            return work()
        except exceptions.PKCS11Error as error:
            self._forget()
            if again:
                return self._do(uri, work, again=False)
            raise _unavailable(uri, _reason(error)) from error

    def _forget(self) -> None:
        """Close the module: what it knew of tokens and sessions may be true no more."""
        self._sessions.clear()
        library, self._library = self._library, None
        if library is not None:
            try:
                library.finalize()
            except exceptions.PKCS11Error:
                pkcs11.unload(self.path)  # it does not let itself be closed: load it anew

    def close(self) -> None:
        """Close it, whoever asks, after what waits already; it is opened again when it is used."""
        future: Future[None] = Future()
        self._asked.put((self._forget, future))
        future.result()

    def _run(self) -> None:
        while True:
            work, future = self._asked.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  # whoever asked is told
                future.set_exception(error)


_modules: dict[str, _Module] = {}
_making = threading.Lock()


def _module(path: str) -> _Module:
    """The module at *path*, one in each process: who is signed in is known to all of it."""
    with _making:
        if path not in _modules:
            _modules[path] = _Module(path)
        return _modules[path]


def close_modules() -> None:
    """Close every module of this process: tokens and sessions are looked up anew when next used."""
    with _making:
        opened = list(_modules.values())
    for module in opened:
        module.close()


def _tokens(library: Any) -> Iterator[Any]:
    for slot in library.get_slots(token_present=True):
        try:
            yield slot.get_token()
        except (exceptions.TokenNotPresent, exceptions.TokenNotRecognised):
            continue


def _matches(token: Any, uri: Pkcs11Uri) -> bool:
    here = {
        "token": token.label,
        "serial": token.serial.decode("utf-8", "replace"),
        "manufacturer": token.manufacturer_id,
        "model": token.model,
    }
    if uri.slot_id not in (None, token.slot.slot_id):
        return False
    named = uri.token or token.label or token.serial  # a token that is not initialised has no name
    return bool(named) and all(here[name] == value for name, value in uri.token.items())


def _read_pin(uri: Pkcs11Uri) -> str:
    try:
        lines = read_private(uri.pin_source).splitlines()
    except FileNotFoundError as error:
        raise _unavailable(uri, f"there is no file {uri.pin_source} with its PIN") from error
    try:
        pin = lines[0].decode("utf-8") if lines else ""
    except UnicodeDecodeError:
        pin = ""
    if not pin:
        raise _unavailable(uri, f"the first line of {uri.pin_source} is not a PIN")
    return pin


def _wanted(uri: Pkcs11Uri, class_: ObjectClass) -> dict[Attribute, Any]:
    wanted = {Attribute.CLASS: class_, Attribute.KEY_TYPE: KeyType.EC_EDWARDS}
    named = {Attribute.LABEL: uri.object, Attribute.ID: uri.id}
    return wanted | {name: value for name, value in named.items() if value is not None}


def _private_key(session: Any, uri: Pkcs11Uri) -> Any:
    found = list(session.get_objects(_wanted(uri, ObjectClass.PRIVATE_KEY)))
    if len(found) == 1:
        return found[0]
    if not found:
        reason = (
            f"it has no Ed25519 key {uri.key_name}; create one with `license-server signer create`"
        )
    else:
        reason = f"it has {len(found)} keys {uri.key_name}; choose one by its id: id=%…"
    raise _unavailable(uri, reason)


def _public_key(session: Any, uri: Pkcs11Uri) -> PublicKey:
    """The public half, which the token holds beside the private one, with the same id."""
    id_ = _private_key(session, uri)[Attribute.ID]
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.KEY_TYPE: KeyType.EC_EDWARDS}
    found = list(session.get_objects(wanted | {Attribute.ID: id_}))
    if len(found) != 1:
        reason = f"it has {len(found)} public keys with the id {id_.hex()}, not one"
        raise _unavailable(uri, reason)
    try:
        return _key_of(found[0])
    except ValueError as error:
        reason = f"its public key {uri.key_name} is not an Ed25519 key ({error})"
        raise _unavailable(uri, reason) from error


def _key_of(public: Any) -> PublicKey:
    """The key in a public object. Raises ValueError."""
    if public[Attribute.EC_PARAMS] not in _ED25519:
        raise ValueError("it is on another curve")
    point: bytes = public[Attribute.EC_POINT]
    before, raw = point[:-32], point[-32:]
    if before not in _POINT_BEFORE:
        raise ValueError(f"its point has {len(point)} bytes")
    return PublicKey(raw)


def _generate(session: Any, label: str | None, id_: bytes) -> Any:
    """The public object of a new pair of keys."""
    for parameters in _ED25519:
        curve = session.create_domain_parameters(
            KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: parameters}, local=True
        )
        try:
            public, _ = curve.generate_keypair(
                id=id_,
                label=label,
                store=True,
                private_template={
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                    Attribute.SIGN: True,
                },
            )
        except (exceptions.DomainParamsInvalid, exceptions.AttributeValueInvalid):
            continue
        return public
    raise exceptions.DomainParamsInvalid


def _reason(error: exceptions.PKCS11Error) -> str:
    """What *error* means; PKCS#11 gives a code and no words."""
    for kinds, said in _SAID:
        if isinstance(error, kinds):
            return said
    return f"its module reports {_code(error)}"


def _code(error: exceptions.PKCS11Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _pin_refused(uri: Pkcs11Uri) -> SignerUnavailableError:
    reason = f"it rejected the PIN in {uri.pin_source}, which is not tried again until it changes"
    return _unavailable(uri, reason)


def _unavailable(uri: Pkcs11Uri, reason: str) -> SignerUnavailableError:
    return SignerUnavailableError(reason=f"the token {uri.token_name}: {reason}")
