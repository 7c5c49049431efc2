"""A record: a tuple whose values have names, as ``typing.NamedTuple`` makes them.

Type checkers and editors see ``typing.NamedTuple`` itself. What runs is made here, because a start
of the client would spend as long on importing ``typing``, and on the source text that it compiles
for each class, as on all that it has to do. The standard library calls the fields, defaults and
methods of a class by the names that they have here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    __all__ = ["NamedTuple"]
else:
    try:
        from _collections import _tuplegetter as _getter
    except ImportError:  # it is CPython's own

        def _getter(index, told):
            return property(lambda record: tuple.__getitem__(record, index), doc=told)

    _new = tuple.__new__

    class _Record(tuple):
        __slots__ = ()
        _fields = ()
        _field_defaults = {}  # noqa: RUF012 -- each class has its own, and nobody writes to it
        _usual = ()
        _size = 0

        def __new__(cls, /, *values: Any, **named: Any) -> Any:
            if named or len(values) != cls._size:
                values = cls._completed(values, named)
            return _new(cls, values)

        @classmethod
        def _completed(cls, values: tuple[Any, ...], named: dict[str, Any]) -> Any:
            """The *values*, then those that are *named*, then defaults. Raises TypeError."""
            missing = len(cls._fields) - len(values)
            if missing < 0:
                most = len(cls._fields)
                raise TypeError(f"{cls.__name__} has {most} values, and {len(values)} were given")
            if not named and missing <= len(cls._field_defaults):
                return values + cls._usual[-missing:]
            whole = list(values)
            for name in cls._fields[len(values) :]:
                if name in named:
                    whole.append(named.pop(name))
                elif name in cls._field_defaults:
                    whole.append(cls._field_defaults[name])
                else:
                    raise TypeError(f"{cls.__name__} needs a value for {name!r}")
            if named:
                raise TypeError(f"{cls.__name__} cannot take {', '.join(map(repr, named))}")
            return whole

        @classmethod
        def _make(cls, values: Any) -> _Record:
            """The record of *values*, as many as it has fields. Raises TypeError."""
            whole = tuple(values)
            if len(whole) != len(cls._fields):
                most = len(cls._fields)
                raise TypeError(f"{cls.__name__} has {most} values, and {len(whole)} were given")
            return _new(cls, whole)

        def _replace(self, /, **named: Any) -> _Record:
            """The same with other values for the fields that are *named*."""
            whole = [named.pop(name, value) for name, value in zip(self._fields, self)]
            if named:
                unknown = ", ".join(map(repr, named))
                raise TypeError(f"{type(self).__name__} has no field {unknown}")
            return _new(type(self), whole)

        __replace__ = _replace  # copy.replace

        def _asdict(self) -> dict[str, Any]:
            """The values by their names."""
            return dict(zip(self._fields, self))

        def __repr__(self) -> str:
            told = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self))
            return f"{type(self).__name__}({told})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

    class _Maker(type):
        """Makes a record of each class that is written under ``NamedTuple``."""

        def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, members)
            fields = tuple(members.get("__annotations__", ()))
            defaults = {field: members[field] for field in fields if field in members}
            if tuple(defaults) != fields[len(fields) - len(defaults) :]:
                raise TypeError(f"{name} has a field without a default behind one with a default")
            members.update((field, _getter(at, None)) for at, field in enumerate(fields))
            members.update(
                __slots__=(), __match_args__=fields, _fields=fields, _field_defaults=defaults
            )
            members["_usual"], members["_size"] = tuple(defaults.values()), len(fields)
            return type(name, (_Record,), members)

    class NamedTuple(metaclass=_Maker):
        """What a record is written under: its annotations are its fields."""
