"""Vectors that three mutators have changed, one on top of the other: no two readers may differ."""

import base64
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from license_core import armor, b64url, jws
from license_core.hostkey import PROFILES
from license_core.signer import MemorySigner
from tests.vectors import material, members
from tests.vectors.material import NOW, OTHER_ROOT, ROOT, SECOND, SIGNING, STRANGER, THIRD_ROOT
from tests.vectors.ours import CASES, Vector

SEEDS = [Vector(path) for path in CASES if path.stat().st_size < 20_000]
_LICENSES = [seed for seed in SEEDS if seed.lines["kind"] == "license"]
_TEXTS = [seed for seed in SEEDS if seed.lines["kind"] == "text"]

_LABELS = [armor.LICENSE, armor.KEYSET, armor.ROOTS, armor.REVOCATIONS, armor.REQUEST,
           "LICENSE SEATS", "LICENSE  KEYSET", "LICENSE\nROOTS"]  # fmt: skip
_PIECES = [*(f"-----{word} {label}-----" for word in ("BEGIN", "END") for label in _LABELS),
           "BEGIN", "END", "LICENSE", "\nLICENSE ", "-", "-----", "------", "\n", "\n\n", "\r\n",
           "\r", " ", "\t", "\v", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u2003", "\u2028",
           "\u3000", ">", "> ", "|", "=", "=\n", "= \t\r\n", "=\xa0\n", "=20", "=2D", "=2d",
           "=E2=80=94", "=E2=80", "=94", "=00", "=C2=A0", "=FF", "=3D", "\xad", "\u200b", "\u200e",
           "\u2060", "\ufeff", "\0", "\u2010", "\u2013", "\u2014", "\u2015", "\u2212", "\ufe58",
           "\uff0d", "\u2500", "\ufffd", "\u2018", "\u201d", "\u300c", "\uff0c", "\u3001", '"', "'",
           ",", ";", "[", "]", "null", ".", "/", "*", "\\", "\\n", '\\"', "A", "_", "+", "e", "0",
           "hk1-host", "hk1-site", "check", "<br>", "&gt;", "&#45;", "\x1b[0m",
           "0123456789abcdef0123456789abcdef01234567", "4f53cda18c2b", "\uff41", "\U0001f600",
           "\u4e0a"]  # fmt: skip
_BYTES = [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xff", b"\xc0\x80", b"\xed\xa0\x80",
          b"\xe2\x80", b"\x94", b"\xf4\x90\x80\x80", b"\xf0\x9f", bytes(9), bytes(700)]  # fmt: skip
_NUMBERS = ["0", "-0", "1", "2", "-1", "1.0", "1e3", "1E-2", "01", "+1", ".5", "1.",
            "9007199254740991", "9007199254740992", "18446744073709551616", "253402300799",
            "253402300800", "1095910400", str(NOW), str(NOW - 1), str(NOW + 1), str(NOW + 86401),
            "9" * 4300, "9" * 4301]  # fmt: skip
_VALUES = [*_NUMBERS, "true", "false", "null", "tru", "NaN", "-Infinity", "[]", "{}", '""', '"a"',
           '"a b"', "[" * 7 + "]" * 7, "[" * 8 + "]" * 8, '{"a":1,"a":2}', '{"gpus":1}',
           '["a","a"]', '["a"]', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\uDE00\\ud83d"',
           '"\\x"', '"\t"', '"\u2028"', '"' + "\u4e0a" * 200 + '"', '"' + "\u4e0a" * 201 + '"',
           '"darwin"', '"other"', '"hk1"', '"hk1-host"', '"hk1-site"', '"anchored"', '"exact"',
           '"revoked"', '"retired"', '"HS-2027-0000TEST"', '"3e"', '"d6"', '"3E"',
           '"3e25d43e0c9a39077ac9b8a3"', '"] ,}']  # fmt: skip
_NAMES = ["ver", "iss", "sub", "aud", "jti", "iat", "nbf", "exp", "host", "edition", "features",
          "limits", "notify_from", "grace_until", "maintenance_until", "replaces",
          "must_understand", "key", "name", "profile", "match", "tags", "layer", "version", "keys",
          "threshold", "kid", "x", "alg", "kty", "crv", "use", "state", "products", "number",
          "revoked", "prefix", "gpus", "ip", "hostname", "machine_id", "container_id", "customer",
          "product", "more", "", "a/b", "\\u0061ud"]  # fmt: skip

_PAYLOAD_KEYS: dict[str, tuple[str, tuple[MemorySigner, ...]]] = {
    armor.LICENSE: (jws.LICENSE, (SIGNING, SIGNING, SIGNING, SECOND, STRANGER)),
    armor.KEYSET: (jws.KEYSET, (ROOT, ROOT, ROOT, OTHER_ROOT, THIRD_ROOT)),
    armor.ROOTS: (jws.ROOTS, (ROOT, ROOT, OTHER_ROOT)),
    armor.REVOCATIONS: (jws.REVOCATIONS, (SIGNING, SIGNING, SECOND)),
}

Lines = dict[str, str]


class Mutated:
    """A vector that is changed: its lines, and the files in them as bytes."""

    def __init__(self, seed: Vector) -> None:
        self.lines = {name: text for name, text in seed.lines.items() if name != "expect"}
        self.files = {"body": seed.body}
        for name in ("known", "revocations"):
            if name in self.lines:
                self.files[name] = base64.b64decode(self.lines.pop(name))

    def data(self) -> bytes:
        """The bytes of the vector's file."""
        files = dict(self.files)
        body = files.pop("body")
        if self.lines["kind"] in ("text", "thumbprint"):
            body = body.decode("utf-8", "replace").encode()
        lines = self.lines | {name: base64.b64encode(d).decode() for name, d in files.items()}
        head = "".join(f"{name}: {text}\n" for name, text in lines.items())
        return head.encode() + b"\n" + body


Mutator = Callable[[random.Random, Mutated], None]


def mutants(count: int, seed: int) -> Iterator[bytes]:
    """The bytes of *count* vectors, each changed three times."""
    chance = random.Random(seed)
    for _ in range(count):
        made = Mutated(
            chance.choice(chance.choice((_LICENSES, _LICENSES, _LICENSES, _TEXTS, SEEDS)))
        )
        mutators = _OF_KIND[made.lines["kind"]]
        for _ in range(3):
            chance.choice(mutators)(chance, made)
        yield made.data()


def changed(chance: random.Random, data: bytes) -> bytes:
    """*data* with a change somewhere, or of a member where it is JSON."""
    hows = (_another_text, _another_text, _insert, _insert_at_a_line, _delete, _repeat, _overwrite)
    return chance.choice(hows)(chance, data)


def _in_a_file(change: Callable[[random.Random, bytes], bytes]) -> Mutator:
    def mutate(chance: random.Random, made: Mutated) -> None:
        name = chance.choice([*made.files, "body"])
        made.files[name] = change(chance, made.files[name])

    return mutate


def _at(chance: random.Random, data: bytes) -> int:
    return chance.randrange(len(data) + 1)


def _insert(chance: random.Random, data: bytes) -> bytes:
    at = _at(chance, data)
    piece = "".join(chance.choices(_PIECES, k=chance.choice((1, 1, 1, 2, 4)))).encode()
    if not chance.randrange(8):
        piece = chance.choice(_BYTES)
    return data[:at] + piece + data[at:]


def _insert_at_a_line(chance: random.Random, data: bytes) -> bytes:
    breaks = [at for at, byte in enumerate(data) if byte == 10] or [0]
    at = chance.choice(breaks) + chance.randrange(2)
    return data[:at] + chance.choice(_PIECES).encode() + data[at:]


def _delete(chance: random.Random, data: bytes) -> bytes:
    at = _at(chance, data)
    return data[:at] + data[at + chance.choice((1, 1, 2, 5, 70, 400)) :]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    at, size = _at(chance, data), chance.choice((1, 2, 30, 500, 3000))
    return data[:at] + data[at : at + size] * chance.randrange(2, 4) + data[at + size :]


def _swap(chance: random.Random, data: bytes) -> bytes:
    first, second = sorted((_at(chance, data), _at(chance, data)))
    return data[second:] + data[first:second] + data[:first]


def _overwrite(chance: random.Random, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 3, 20)) if made else 0):
        made[chance.randrange(len(made))] = chance.choice(
            (0, 10, 32, 45, 61, chance.randrange(256))
        )
    return bytes(made)


def _replace(chance: random.Random, data: bytes) -> bytes:
    """Every one of some character is another, as programs do it."""
    olds = ["-", "--", "-----", "\n", " ", "_", ".", '"', ", ", "BEGIN", "LICENSE", "a", "="]
    old, new = chance.choice(olds), chance.choice(_PIECES)
    return data.replace(old.encode(), new.encode()) if len(data) < 20_000 else data


def _recode(chance: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    how = chance.choice(
        ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "crlf", "quoted", "printable")
    )
    if how == "crlf":
        return data.replace(b"\n", b"\r\n")
    if how == "quoted":
        return data.replace(b"\n", b"\n> ")
    if how == "printable":
        return "".join(f"={byte:02X}" if byte in b"=-_." else chr(byte) for byte in data).encode()
    return text.encode(how, "replace")


def _blocks(chance: random.Random, data: bytes) -> bytes:
    """The blocks of the file in another order, some of them twice, missing or under a label."""
    try:
        found = armor.unwrap(data)
    except armor.ArmorError:
        return data
    pairs = [(label, token) for label, tokens in found.items() for token in tokens]
    other = Mutated(chance.choice(_LICENSES)).files["body"]
    if chance.randrange(2):
        try:
            pairs += [(label, t) for label, tokens in armor.unwrap(other).items() for t in tokens]
        except armor.ArmorError:
            pass  # it is one of the vectors that are cut off
    picked = chance.choices(pairs, k=chance.randrange(1, 7)) if pairs else []
    if chance.randrange(8) == 0 and picked:
        picked[0] = (chance.choice(_LABELS[:6]), chance.choice((picked[0][1], "", "AAAA", "a.b.c")))
    return "".join(armor.wrap(label, token) for label, token in picked).encode()


def _sign_anew(chance: random.Random, data: bytes) -> bytes:
    """Another payload, and a signature that holds."""
    try:
        found = armor.unwrap(data)
    except armor.ArmorError:
        return data
    label = chance.choice(list(found)) if found else ""
    old = chance.choice(found[label]) if found else ""
    parts = old.split(".")
    if label != armor.REQUEST and (label not in _PAYLOAD_KEYS or len(parts) != 3):
        return data
    try:
        payload = b64url.decode(parts[0 if label == armor.REQUEST else 1])
    except ValueError:
        return data
    payload = _another_text(chance, payload)
    if label == armor.REQUEST:
        check = b64url.encode(hashlib.sha256(payload).digest())[:8]
        tokens = [f"{b64url.encode(payload)}.{check}"]
    else:
        typ, keys = _PAYLOAD_KEYS[label]
        signers = (ROOT, OTHER_ROOT) if label == armor.ROOTS else (chance.choice(keys),)
        tokens = [jws.sign(payload, signer, typ) for signer in signers]
    kept = [token for token in found[label] if token != old]
    new = found | {label: [*tokens, *kept] if chance.randrange(2) else [*kept, *tokens]}
    return "".join(armor.wrap(name, token) for name in new for token in new[name]).encode()


def _another_text(chance: random.Random, payload: bytes) -> bytes:
    """The JSON of *payload* with a member that is another, or with a few bytes that are."""
    if not chance.randrange(6):
        return chance.choice((_insert, _delete, _overwrite))(chance, payload)
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return payload
    raw = [chance.choice(_VALUES)]
    _change(chance, value, "@0@")
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace('"@0@"', raw[0]).encode("utf-8", "surrogatepass")


def _change(chance: random.Random, value: Any, mark: str) -> None:
    """Put *mark* somewhere into *value*, in place of something or beside it."""
    places = [value]
    for place in places:
        inside = place.values() if isinstance(place, dict) else place
        places += [item for item in inside if isinstance(item, dict | list)]
    place = chance.choice([p for p in places if isinstance(p, dict | list)] or [{}])
    if isinstance(place, list):
        place.insert(chance.randrange(len(place) + 1), mark)
    elif place and chance.randrange(2):
        name = chance.choice(list(place))
        if chance.randrange(5):
            place[name] = mark
        else:
            del place[name]
    else:
        place[chance.choice(_NAMES)] = mark


_HOST_TEXTS = ["", None, "other", "studio2_gpu", "172.17.0.2", "172.17.0.3", "10.0.0.1", "fe80::1",
               "::ffff:1.2.3.4", "1::", "1:2:3:4:5:6:7::", "::1%lo", "1.2.3", "01.2.3.4",
               "999.1.1.1", "a\nb", "a\n", "\u00e9\u4e0a", "\u00a0", "a b\\n", '"']  # fmt: skip
_HOST: dict[str, list[Any]] = {
    **dict.fromkeys(("hostname", "ip", "pinned_ip", "former_ip", "layer"), _HOST_TEXTS),
    "machine_id": ["", None, "5e1f0c7a9b3d4e2f8a6b1c0d9e8f7a6b", "0f" * 16],
    "container_id": ["", None, "5f0c1b7e" * 8, "ab" * 32],
    "engine": ["", None, "docker", "podman", "kubernetes", "unknown"],
    **{name: [True, False] for name in ("machine_id_bound", "machine_id_of_image")},
    **{name: [True, False] for name in ("once_bare", "once_bound")},
    "gpus": [None, 0, 1, 4, 5, 2**53 - 1],
    "cluster_uid": ["", None, members.POD["cluster_uid"], members.OTHER_POD["cluster_uid"]],
    "site": ["", None, members.SITE, "dead" * 16],
    "roster": [
        *("", None, members.FIRST, f"{members.FIRST},{members.SECOND}"),
        *(f"{members.SECOND},{members.FIRST}", f"{members.FIRST},{members.SECOND},{'9a' * 8}"),
    ],
}
_INSTANTS = [
    0,
    1,
    NOW,
    NOW - 1,
    NOW + 86400,
    NOW + 86401,
    1795910399,
    1795910400,
    253402300799,
    2**40,
]
_MEMORY: dict[str, list[Any]] = {
    "seen_at": _INSTANTS[:-1],
    "license_iat": _INSTANTS[:-1],
    "license_jti": ["HS-2027-0000TEST", "HS-2027-1", "\u4e0a"],
    "roots_version": [0, 1, 2, 3, 4, 2**53 - 1],
    "keyset_version": [0, 1, 2, 3, 4, 2**53 - 1],
    "revocations_number": [0, 6, 7, 8, 2**53 - 1],
    "revocations_kid": [SIGNING.public_key.kid, SECOND.public_key.kid, "\u00e9"],
}
_SETTINGS: dict[str, list[Any]] = {
    "product": ["darwin", "other", "\u4e0a"],
    "warn_days": [0, 1, 30, 3650],
    "released_at": _INSTANTS[:-1],
    "roots_needed": [1, 2, 3, 2**53 - 1],
}


def _of_line(name: str, members: dict[str, list[Any]]) -> Mutator:
    def mutate(chance: random.Random, made: Mutated) -> None:
        value = json.loads(made.lines.get(name, "{}"))
        member = chance.choice(list(members))
        if chance.randrange(4):
            value[member] = chance.choice(members[member])
        else:
            value.pop(member, None)
        made.lines[name] = material.dumps(value)

    return mutate


def _host_body(chance: random.Random, made: Mutated) -> None:
    made.lines["host"] = made.files["body"].decode()
    _of_line("host", _HOST)(chance, made)
    made.files["body"] = made.lines.pop("host").encode()
    made.lines["profile"] = chance.choice((made.lines["profile"], *PROFILES))


def _now(chance: random.Random, made: Mutated) -> None:
    anchors = [*_INSTANTS, 2**63, 10**30, -1, -(2**64), material.END, material.ISSUED]
    made.lines["now"] = str(chance.choice(anchors) + chance.choice((0, 0, -1, 1, -86400)))


def _roots(chance: random.Random, made: Mutated) -> None:
    keys = chance.choices((ROOT, OTHER_ROOT, THIRD_ROOT, STRANGER), k=chance.randrange(1, 4))
    made.lines["roots"] = material.trusted(*keys)


def _beside(chance: random.Random, made: Mutated) -> None:
    """A file of another vector, or none."""
    name = chance.choice(("known", "revocations"))
    other = chance.choice(_LICENSES)
    files = Mutated(other).files
    if chance.randrange(3):
        made.files[name] = files.get(name, files["body"])
    else:
        made.files.pop(name, None)


def _signature(chance: random.Random, made: Mutated) -> None:
    name = chance.choice(("x", "signature"))
    text = made.lines[name]
    try:
        data = _overwrite(chance, b64url.decode(text))
    except ValueError:
        data = b""
    at = chance.randrange(len(text) + 1)
    made.lines[name] = chance.choice((b64url.encode(data), text[:at] + text[at + 1 :], text + "A"))


def _jwk(chance: random.Random, made: Mutated) -> None:
    made.lines["x"] = json.loads(made.files["body"])["x"]
    made.lines["signature"] = "AA"
    _signature(chance, made)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": made.lines.pop("x")}
    made.files["body"] = material.dumps(jwk).encode()
    del made.lines["signature"]


_OF_FILES = [_in_a_file(change) for change in (
    _insert, _insert, _insert_at_a_line, _delete, _repeat, _swap, _overwrite, _replace, _recode,
)]  # fmt: skip
_SIGNED = [_in_a_file(_sign_anew)] * 9 + [_in_a_file(_blocks)] * 2
_BESIDE = [
    _of_line("host", _HOST),
    _of_line("memory", _MEMORY),
    _of_line("settings", _SETTINGS),
    _now,
]
_OF_KIND: dict[str, list[Mutator]] = {
    "license": [*_OF_FILES, *_SIGNED, *_BESIDE, *_BESIDE, _roots, _beside],
    "text": [*_OF_FILES, *_SIGNED[:4]],
    "host": [_host_body],
    "thumbprint": [_jwk],
    "signature": [_signature, *_OF_FILES[:1]],
}  # fmt: skip
