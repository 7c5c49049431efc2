"""Records: what ``typing.NamedTuple`` makes, made here."""

import copy
import pickle
import types
import typing
from collections.abc import Callable
from typing import Any

import pytest

from license_core import record


class Ours(record.NamedTuple):
    """One of ours."""

    number: int
    name: str = "none"
    names: tuple[str, ...] = ()

    @classmethod
    def first(cls) -> "Ours":
        return cls(1)

    @property
    def next(self) -> int:
        return self.number + 1

    def __str__(self) -> str:
        return f"<{super().__repr__()}>"


class Theirs(typing.NamedTuple):
    """One of the standard library's."""

    number: int
    name: str = "none"
    names: tuple[str, ...] = ()


MADE: tuple[Callable[[Any], Any], ...] = (
    lambda kind: kind(1),
    lambda kind: kind(1, "a"),
    lambda kind: kind(1, names=("b",)),
    lambda kind: kind(names=("b",), number=2),
    lambda kind: kind(1, "a", ("b",))._replace(name="c"),
    lambda kind: kind._make([1, "a", ("b",)]),
)
REFUSED: tuple[Callable[[Any], Any], ...] = (
    lambda kind: kind(),
    lambda kind: kind(name="a"),
    lambda kind: kind(1, number=2),
    lambda kind: kind(1, other=2),
    lambda kind: kind(1, "a", ("b",), 4),
    lambda kind: kind(1)._replace(other=2),
    lambda kind: kind._make([1, "a"]),
)


@pytest.mark.parametrize("make", MADE)
def test_record_is_the_tuple_that_the_standard_library_makes(make: Callable[[Any], Any]) -> None:
    ours, theirs = make(Ours), make(Theirs)
    assert ours == theirs
    assert hash(ours) == hash(theirs)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours._asdict() == theirs._asdict()
    assert (ours.number, ours.name, ours.names) == tuple(theirs)
    assert pickle.loads(pickle.dumps(ours)) == copy.deepcopy(ours) == ours
    assert type(copy.copy(ours)) is Ours


@pytest.mark.parametrize("make", REFUSED)
def test_record_refuses_what_the_standard_library_refuses(make: Callable[[Any], Any]) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises((TypeError, ValueError)):
            make(kind)


def test_record_has_its_own_methods_and_no_room_for_more() -> None:
    assert (Ours.first().next, str(Ours(1))) == (2, f"<{Ours(1)!r}>")
    assert (Ours._fields, Ours._field_defaults) == (Theirs._fields, Theirs._field_defaults)
    assert (Ours.__doc__, Ours.__module__, Ours.__qualname__) == ("One of ours.", __name__, "Ours")
    with pytest.raises(AttributeError):
        Ours(1).number = 2  # type: ignore[misc]
    assert not hasattr(Ours(1), "__dict__")
    match Ours(1, "a"):
        case Ours(number, name):
            assert (number, name) == (1, "a")


def test_field_without_a_default_behind_one_with_a_default_is_refused() -> None:
    members: dict[str, Any] = {"__annotations__": {"a": int, "b": int}, "a": 1}
    with pytest.raises(TypeError, match="without a default"):
        types.new_class("Wrong", (record.NamedTuple,), exec_body=lambda body: body.update(members))
