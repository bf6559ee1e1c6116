"""A running plan as plain data and back, so that a fold can continue from where it stopped.

The forms are found by their types, so a field that is added is kept too. A value of any other type raises RunDataFault.
Objects that several others refer to are kept once, by their place in a list. Collections that grow with every event
are read item by item when they are asked for, because most events need none of the earlier items.
"""

from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import Any, SupportsIndex, cast, overload

from lending.plan.debt import Debt
from lending.plan.plan import Plan
from lending.plan.running import RunningPlan
from lending.terms.servicing_terms import ServicingTerms

_GIVEN = frozenset({"plan", "terms", "accrued_from", "bookings", "_amounts"})  # not part of what the events led to
_GROWING = frozenset({"payments", "stretches"})
_HOMES = ("lending.plan.", "lending.terms.", "ledger.money")


class RunDataFault(ValueError):
    """Raised for a value that cannot be kept as data, or for data that cannot be read."""


@dataclass(frozen=True, slots=True)
class RunData:
    """The attributes of a running plan, and the objects that they refer to, as plain values."""

    attributes: Mapping[str, Any]
    objects: list[Any]


class RunReader:
    """Makes one running plan of its data; remembers which objects were read, as only those may have changed."""

    def __init__(self, data: RunData) -> None:
        self._data = data
        self.read: dict[int, Any] = {}

    def run(self, plan: Plan, terms: ServicingTerms, accrued_from: date | None) -> RunningPlan:
        """The plan as it was. It has no bookings: they were posted before."""
        run = object.__new__(RunningPlan)
        run.plan, run.terms, run.accrued_from, run.bookings = plan, terms, accrued_from, []
        run._amounts = {}
        for name, value in self._data.attributes.items():
            if name in _GROWING:
                made: Any = LaterMapping(self, value[1:]) if value[0] == "map" else LaterSequence(self, value[1:])
            else:
                made = self.value(value)
            setattr(run, name, made)
        return run

    @property
    def objects(self) -> list[Any]:
        return self._data.objects

    def value(self, plain: Any) -> Any:  # noqa: C901, PLR0911 - one case for each form
        if not isinstance(plain, list):
            return plain
        match plain:
            case ["ref", int(place)]:
                return self._object(place)
            case ["fraction", int(numerator), int(denominator)]:
                return Fraction(numerator, denominator)
            case ["date", str(text)]:
                return date.fromisoformat(text)
            case ["moment", str(text)]:
                return datetime.fromisoformat(text)
            case ["list", *items]:
                return [self.value(each) for each in items]
            case ["tuple", *items]:
                return tuple(self.value(each) for each in items)
            case ["set", *items]:
                return {self.value(each) for each in items}
            case ["map", *items]:
                return {self.value(key): self.value(inner) for key, inner in items}
            case ["enum", str(name), inner]:
                return _form(name)(inner)
            case ["frozen", str(name), *items]:
                return self._fill(object.__new__(_form(name)), items)
            case _:
                raise RunDataFault(f"{plain!r:.80} cannot be read")

    def _object(self, place: int) -> Any:
        if place not in self.read:
            name, *items = self._data.objects[place]
            self.read[place] = object.__new__(_form(name))  # known before its fields are read
            self._fill(self.read[place], items)
        return self.read[place]

    def _fill(self, made: Any, items: list[Any]) -> Any:
        form: Any = type(made)
        names = _names(form)
        if len(names) != len(items):
            raise RunDataFault(f"{form.__name__} has {len(names)} fields, not {len(items)}")
        for name, item in zip(names, items, strict=True):
            object.__setattr__(made, name, self.value(item))
        return made


class LaterMapping(MutableMapping[str, Any]):
    """Values by id in their order, each read when it is asked for."""

    def __init__(self, reader: RunReader, items: list[Any]) -> None:
        self._reader = reader
        self._plain: dict[str, Any] = dict(items)
        self._read: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._read:
            self._read[key] = self._reader.value(self._plain[key])
        return self._read[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._plain.setdefault(key, None)
        self._read[key] = value

    def __delitem__(self, key: str) -> None:
        del self._plain[key]
        self._read.pop(key, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)

    def plain(self, writer: "_Writer") -> list[Any]:
        """The items as data; those that were not asked for are as they were."""
        read = self._read
        return [[key, writer.plain(read[key]) if key in read else kept] for key, kept in self._plain.items()]


class LaterSequence(MutableSequence[Any]):
    """Values in a row, each read when it is asked for."""

    def __init__(self, reader: RunReader, items: list[Any]) -> None:
        self._reader = reader
        self._plain: list[Any] = items.copy()
        self._read: dict[int, Any] = {}

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> MutableSequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        if place not in self._read:
            self._read[place] = self._reader.value(self._plain[place])
        return self._read[place]

    def __setitem__(self, index: Any, value: Any) -> None:
        raise RunDataFault("the earlier items of a run are not replaced")

    def __delitem__(self, index: Any) -> None:
        raise RunDataFault("the earlier items of a run are not taken away")

    def __len__(self) -> int:
        return len(self._plain)

    def insert(self, index: SupportsIndex, value: Any) -> None:
        if int(index) != len(self):
            raise RunDataFault("a run only adds at the end")
        self._read[len(self)] = value
        self._plain.append(None)

    def plain(self, writer: "_Writer") -> list[Any]:
        """The items as data; those that were not asked for are as they were."""
        read = self._read
        return [writer.plain(read[place]) if place in read else kept for place, kept in enumerate(self._plain)]


def data_of(run: RunningPlan, reader: RunReader | None) -> RunData:
    """What a running plan is as data; `reader` is what made it, if it was made of data."""
    writer = _Writer(reader)
    attributes = {name: writer.plain(value) for name, value in vars(run).items() if name not in _GIVEN}
    return RunData(attributes, writer.objects())


class _Writer:
    def __init__(self, reader: RunReader | None) -> None:
        self._objects: list[Any] = [] if reader is None else reader.objects.copy()
        read = {} if reader is None else reader.read
        self._places = {id(each): place for place, each in read.items()}
        self._waiting = list(read.items())  # an object that was read may have changed

    def objects(self) -> list[Any]:
        """All objects referred to, once every value has been given to `plain`."""
        while self._waiting:
            place, value = self._waiting.pop()
            form: Any = type(value)
            self._objects[place] = [_name(form), *(self.plain(getattr(value, name)) for name in _names(form))]
        return self._objects

    def plain(self, value: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - one case for each form
        form: Any = type(value)
        if value is None or form in {bool, int, str}:
            return value
        if form is Fraction:
            return ["fraction", value.numerator, value.denominator]
        if form is date:
            return ["date", value.isoformat()]
        if form is datetime:
            return ["moment", value.isoformat()]
        if form is list:
            return ["list", *map(self.plain, value)]
        if form is tuple:
            return ["tuple", *map(self.plain, value)]
        if form is set:
            return ["set", *map(self.plain, sorted(value))]
        if form is dict:
            return ["map", *([self.plain(key), self.plain(inner)] for key, inner in value.items())]
        if form is LaterMapping:
            return ["map", *value.plain(self)]
        if form is LaterSequence:
            return ["list", *value.plain(self)]
        if isinstance(value, Enum):
            return ["enum", _name(form), value.value]
        if is_dataclass(value) and form.__dataclass_params__.frozen:
            return ["frozen", _name(form), *(self.plain(getattr(value, name)) for name in _names(form))]
        if id(value) not in self._places:
            _names(form)
            self._places[id(value)] = len(self._objects)
            self._waiting.append((len(self._objects), value))
            self._objects.append(None)
        return ["ref", self._places[id(value)]]


@cache
def _names(form: type) -> tuple[str, ...]:
    """The fields of a form whose values are kept."""
    if is_dataclass(form):
        return tuple(each.name for each in fields(form))
    if form is Debt:
        return ("parts",)
    raise RunDataFault(f"{form.__qualname__} is no form of which a run can be made again")


@cache
def _name(form: type) -> str:
    name = f"{form.__module__}:{form.__qualname__}"
    if _form(name) is not form:
        raise RunDataFault(f"{name} cannot be found by its name")
    return name


@cache
def _form(name: str) -> type:
    module, _, qualified = name.partition(":")
    if not f"{module}.".startswith(_HOMES):
        raise RunDataFault(f"{name} is no part of a plan")
    return cast(type, getattr(import_module(module), qualified))
