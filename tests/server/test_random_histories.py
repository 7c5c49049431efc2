"""Random licence histories, compared with a small model."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from tests.support.api import Caller, slug, verified
from tests.support.desk import Desk

STEPS, WALKS = 15, 12
STEPS_TORTURE, WALKS_TORTURE = 50, 100
FROM = {
    "renew": {"active", "expired"},
    "rehost": {"active", "expired", "returned"},
    "change": {"active", "expired"},
    "suspend": {"active", "expired"},
    "reinstate": {"suspended", "returned"},
    "return": {"active", "expired", "suspended"},
    "revoke": {"active", "expired", "suspended"},
    "unrevoke": {"revoked"},
}
NEED_A_TERM = ("rehost", "change", "reinstate", "unrevoke")
LEAVES = {"suspend": "suspended", "revoke": "revoked", "return": "returned"}
REHOSTS = 2


@dataclass
class Known:
    """What the model knows of one licence."""

    line: str
    key: str
    ends: int
    limits: dict[str, int]
    state: str = "active"
    replaced_by: str | None = None


class Life(RuleBasedStateMachine):
    """One customer's licences; every act is tried on every licence, allowed or not."""

    desk: Desk
    began: int
    """When the first walk began; each begins then, or the vendor's keys would end meanwhile."""
    numbers: Iterator[int]
    licences = Bundle("licences")

    @initialize()
    def begin(self) -> None:
        number = next(self.numbers)
        self.desk.clock.now = self.began + number  # the caller's name is made of it
        self.caller = Caller(self.desk, "walk")
        self.product = f"walk{self.began}-{number}"
        self.caller.post("/products", name=self.product, rehosts=REHOSTS)
        self.known: dict[str, Known] = {}
        self.moves: dict[str, int] = {}

    def state(self, number: str) -> str:
        one = self.known[number]
        over = one.state == "active" and one.ends <= self.desk.clock.now
        return "expired" if over else one.state

    def keep(self, reply: Any, former: str | None) -> str:
        made = reply.json()
        number, license_ = str(made["id"]), verified(self.caller, made["id"])
        assert license_.replaces == made["replaces"] == former
        line = self.known[former].line if former else number
        assert made["line"] == line
        self.known[number] = Known(
            line, license_.host.key, license_.exp or 0, dict(license_.limits or {})
        )
        if former:
            self.known[former].state, self.known[former].replaced_by = "replaced", number
        return number

    @rule(target=licences, key=st.integers(1, 3), days=st.integers(1, 40))
    def issue(self, key: int, days: int) -> str:
        line = f'["{key:040x}", "host{key}"]'
        reply = self.caller.issue(product=self.product, host=line, days=days, limits={"gpus": key})
        assert reply.status_code == 201, reply.text
        return self.keep(reply, None)

    def try_act(self, act: str, number: str, **members: Any) -> str:
        before = self.state(number)
        reply = self.caller.post(f"/licenses/{number}/{act}", **members)
        if before not in FROM[act]:
            assert (reply.status_code, slug(reply)) == (409, "license-state"), reply.text
            return number
        if act in NEED_A_TERM and self.known[number].ends <= self.desk.clock.now:
            assert (reply.status_code, slug(reply)) == (409, "term-over"), reply.text
            return number
        assert reply.status_code in (200, 201), reply.text
        if act in LEAVES:
            self.known[number].state = LEAVES[act]
            return number
        former = self.known[number]
        made = self.keep(reply, number)
        now = self.known[made]
        if act != "renew":
            assert now.ends == former.ends
        if act != "rehost":
            assert now.key == former.key
        if act != "change":
            assert now.limits == former.limits
        return made

    @rule(target=licences, number=licences, days=st.integers(1, 400))
    def renew(self, number: str, days: int) -> str:
        made = self.try_act("renew", number, days=days)
        if made != number:
            assert self.known[made].ends > max(self.known[number].ends, self.desk.clock.now)
        return made

    @rule(target=licences, number=licences, key=st.integers(1, 3))
    def rehost(self, number: str, key: int) -> str:
        line = self.known[number].line
        was_given_back = self.state(number) == "returned"
        if self.state(number) in ("active", "returned") and self.known[number].key == f"{key:040x}":
            reply = self.caller.post(
                f"/licenses/{number}/rehost", host=f'["{key:040x}", "host{key}"]', reason="x"
            )
            assert (reply.status_code, slug(reply)) == (409, "license-state")
            return number
        if self.state(number) == "active" and self.moves.get(line, 0) >= REHOSTS:
            reply = self.caller.post(
                f"/licenses/{number}/rehost", host=f'["{key:040x}", "host{key}"]', reason="x"
            )
            assert (reply.status_code, slug(reply)) == (409, "rehosts-used-up")
            return number
        made = self.try_act("rehost", number, host=f'["{key:040x}", "host{key}"]', reason="x")
        if made != number and not was_given_back:
            self.moves[line] = self.moves.get(line, 0) + 1
        return made

    @rule(target=licences, number=licences, gpus=st.integers(0, 9))
    def change(self, number: str, gpus: int) -> str:
        made = self.try_act("change", number, limits={"gpus": gpus})
        if made != number:
            assert self.known[made].limits == {"gpus": gpus}
        return made

    @rule(target=licences, number=licences)
    def reinstate(self, number: str) -> str:
        return self.try_act("reinstate", number, reason="x")

    @rule(target=licences, number=licences)
    def unrevoke(self, number: str) -> str:
        return self.try_act("unrevoke", number, reason="x")

    @rule(number=licences)
    def suspend(self, number: str) -> None:
        self.try_act("suspend", number, reason="x")

    @rule(number=licences)
    def revoke(self, number: str) -> None:
        self.try_act("revoke", number, reason="x")

    @rule(number=licences)
    def give_back(self, number: str) -> None:
        self.try_act("return", number, unproven=True)

    @rule(days=st.integers(1, 30))
    def wait(self, days: int) -> None:
        self.desk.clock.now += days * 86400

    @invariant()
    def the_list_says_what_the_model_says(self) -> None:
        if not hasattr(self, "known"):
            return
        listed = self.caller.get(f"/licenses?product={self.product}&limit=200").json()["licenses"]
        told = {one["id"]: (one["state"], one["replaced_by"], one["line"]) for one in listed}
        assert told == {
            number: (self.state(number), one.replaced_by, one.line)
            for number, one in self.known.items()
        }
        in_force = [one.line for one in self.known.values() if one.state == "active"]
        assert len(in_force) == len(set(in_force))  # one of a line at most


def walk(desk: Desk, steps: int, walks: int, *, steady: bool) -> None:
    began = desk.clock.now
    machine = type("Walk", (Life,), {"desk": desk, "began": began, "numbers": count(1)})
    case = machine.TestCase  # type: ignore[attr-defined]
    case.settings = settings(
        max_examples=walks,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=steady,
        suppress_health_check=list(HealthCheck),
    )
    try:
        case().runTest()
    finally:
        desk.clock.now = began + next(machine.numbers)  # type: ignore[attr-defined]


def test_random_licence_histories_match_the_model(desk: Desk) -> None:
    walk(desk, STEPS, WALKS, steady=True)


@pytest.mark.torture
def test_long_random_licence_histories_match_the_model(desk: Desk) -> None:
    walk(desk, STEPS_TORTURE, WALKS_TORTURE, steady=False)
    print(f"\nlives walked against the model: {WALKS_TORTURE} of up to {STEPS_TORTURE} acts")
