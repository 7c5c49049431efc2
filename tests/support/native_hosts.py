"""What the client in Go makes of hosts, beside what this one does: one process answers for all."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from license_core import hostkey, hostline, membership, stability
from license_core.claims import ClaimError
from license_core.errors import LicenseError, Notice
from license_core.facts import HostFacts
from license_core.probe import read_facts
from license_core.request import LicenseRequest
from tests.support import native_client
from tests.support.native_commands import here

CLI = "hostseal"
_GO_NAMES = {
    "ip": "IP",
    "former_ip": "FormerIP",
    "ip_is_lent": "IPIsLent",
    "pinned_ip": "PinnedIP",
    "gpus": "GPUs",
    "is_wsl": "IsWSL",
    "cluster_uid": "ClusterUID",
}
_MAY_CHANGE = "MachineIDMayChange"


class Question(NamedTuple):
    """Which host, and what is asked of it."""

    root: str
    env: Mapping[str, str]
    profile: str = hostkey.DEFAULT_PROFILE
    iat: int = hostkey.VERSION_2
    customer: str = ""
    replaces: str = ""


class Host(NamedTuple):
    """The process that answers."""

    process: "subprocess.Popen[str]"

    def answer(self, of: Question) -> dict[str, Any]:
        """What the client in Go makes of a host."""
        asked, told = self.process.stdin, self.process.stdout
        assert asked is not None
        assert told is not None
        print(json.dumps(of._asdict()), file=asked, flush=True)
        answer: dict[str, Any] = json.loads(told.readline())
        return answer


def build(folder: Path) -> Path:
    """The program that answers. Skips the test where there is no Go."""
    program = folder / "hosttest"
    native_client.build("./hosttest", program)
    return program


@contextmanager
def answering(program: Path) -> Iterator[Host]:
    """The process, for as long as it is needed."""
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield Host(process)


def ours(of: Question) -> dict[str, Any]:
    """What this client makes of a host, in the form of that one."""
    try:
        facts = read_facts(of.root, of.env)
    except LicenseError as error:
        return {"problem": _said(error)}
    found: dict[str, Any] = {
        "facts": _facts(facts),
        "pinned": _refused(lambda: stability.check_pinned(facts, of.profile)),
        "issued": _key(hostkey.as_issued(facts, of.iat), of.profile),
        "tags": hostkey.tags(facts, of.profile),
        "layer_tag": hostkey.layer_tag(facts, of.profile),
        "copyable": hostkey.is_copyable(facts, of.profile),
        "mode": stability.network_mode(facts),
        "is_pinned": stability.is_pinned(facts),
        "notices": _all(stability.notices(facts, of.profile)),
        "licensed": _all(stability.of_licensed(facts, of.profile, bool(of.iat % 2))),
        "fits": _all(stability.proposals(facts, of.profile)),
        "former": _all(stability.of_former_rules(facts, of.iat)),
    }
    try:
        key = hostkey.derive(facts, of.profile)
    except LicenseError as error:
        found["refused"] = _said(error)
    else:
        found["key"] = key.key
        found["line"] = hostline.write(*key)
        found["request"] = _request(facts, key, of)
        found["checked"] = hostline.write(*key, check=True)
    return {name: value for name, value in found.items() if value}


def _request(facts: HostFacts, key: hostkey.HostKey, of: Question) -> str:
    made = LicenseRequest(
        key=key.key,
        name=key.hostname,
        profile=key.profile,
        tags=hostkey.tags(facts, key.profile),
        layer=hostkey.layer_tag(facts, key.profile),
        machines=membership.size(facts) if key.profile == "hk1-site" else None,
        gpus=facts.gpus,
        customer=of.customer or None,
        replaces=of.replaces or None,
        iat=of.iat,
    )
    try:
        return made.to_text()
    except ClaimError as refused:
        return str(refused)


def _key(facts: HostFacts, profile: str) -> str | None:
    try:
        return hostkey.derive(facts, profile).key
    except LicenseError:
        return None


def _facts(facts: HostFacts) -> dict[str, Any]:
    told: dict[str, Any] = {
        _GO_NAMES.get(name) or "".join(map(_title, name.split("_"))): _plain(value)
        for name, value in facts._asdict().items()
        if not name.endswith("_why")  # a refusal says it
    }
    told[_MAY_CHANGE] = not told.pop("MachineIDLasts")
    told["Interfaces"] = [{"Name": n, "Address": a} for n, a in facts.interfaces] or None
    told["GPUs"] = -1 if facts.gpus is None else facts.gpus
    return told


def _title(word: str) -> str:
    return word.upper() if word in ("id", "ip") else word.capitalize()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value) or None
    return "" if value is None else value


def _said(of: LicenseError | Notice) -> dict[str, Any]:
    words = {"Slug": of.slug, "Sentence": of.sentence, "Remedy": here(of.remedy(CLI), CLI)}
    return {**words, "Facts": list(of.facts) or None}


def _all(notices: tuple[Notice, ...]) -> list[dict[str, Any]]:
    return [_said(notice) for notice in notices]


def _refused(judge: Any) -> dict[str, str] | None:
    try:
        judge()
    except LicenseError as error:
        return _said(error)
    return None


if __name__ == "__main__":  # as the program in Go, for a process in other namespaces
    for line in sys.stdin:
        print(json.dumps(ours(Question(**json.loads(line)))))
