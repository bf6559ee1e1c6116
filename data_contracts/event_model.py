"""A contract as a pydantic model for producers: ingest accepts every record that the model accepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, create_model, model_validator
from pydantic_core import PydanticCustomError

from data_contracts.contract import Column, ColumnType, Contract, RowRule, RuleType
from data_contracts.quarantine import predicate, text_of, typed

_PYTHON: dict[ColumnType, tuple[type, ...]] = {
    ColumnType.STRING: (str,),
    ColumnType.INTEGER: (int,),
    ColumnType.NUMBER: (int, float),
    ColumnType.BOOLEAN: (bool,),
    ColumnType.DATE: (str, date),
    ColumnType.TIMESTAMP: (str, datetime),
    ColumnType.OBJECT: (dict,),
    ColumnType.ARRAY: (list,),
}
_TOLD: dict[ColumnType, Any] = {
    ColumnType.STRING: str,
    ColumnType.INTEGER: int,
    ColumnType.NUMBER: float,
    ColumnType.BOOLEAN: bool,
    ColumnType.DATE: date,
    ColumnType.TIMESTAMP: datetime,
    ColumnType.OBJECT: dict[str, Any],
    ColumnType.ARRAY: list[Any],
}
_TYPED = {ColumnType.DATE, ColumnType.TIMESTAMP}


def event_model(contract: Contract) -> type[BaseModel]:
    """The record as a model whose errors name the column and the rule that was broken.

    It is strict: an amount given as text, or a boolean given as a number, is refused, although ingest, which validates
    text, would read it. Days and moments may be Python objects or the contract's text, and become Python objects; a
    moment is in UTC. Create the model once and keep it: creating it takes longer than validating a record.

    >>> from data_contracts.catalog import contract
    >>> from data_contracts.samples import read_samples
    >>> account = read_samples("account").valid[0]
    >>> event_model(contract("account"))(**account).opened_on
    datetime.date(1995, 3, 1)
    >>> event_model(contract("account"))(**account | {"currency": "XXX"})
    Traceback (most recent call last):
    pydantic_core._pydantic_core.ValidationError: 1 validation error for account
    currency
      'XXX' breaks currency.enum [type=currency.enum, input_value='XXX', input_type=str]
    """
    alone = [rule for rule in contract.row_rules if rule.type is not RuleType.NOT_BEFORE]
    together = [rule for rule in contract.row_rules if rule.type is RuleType.NOT_BEFORE]
    fields: dict[str, Any] = {
        column.name: (
            _annotated(column, [rule for rule in alone if rule.column is column]),
            ... if column.required else None,
        )
        for column in contract.columns
    }
    validators: dict[str, Any] = {"in_order": model_validator(mode="after")(_in_order(together))}
    return create_model(
        contract.name,
        __config__=ConfigDict(extra="forbid" if contract.is_closed else "ignore", frozen=True),
        __doc__=contract.meaning,
        __validators__=validators,
        **fields,
    )


def _annotated(column: Column, rules: Sequence[RowRule]) -> Any:
    """The column's type as readers of the model see it; only the rules validate its values."""
    told = _TOLD[column.type] if column.required else _TOLD[column.type] | None
    judged = PlainValidator(_judge(column, rules), json_schema_input_type=told)
    return Annotated[Any, judged, Field(description=column.meaning)]


def _judge(column: Column, rules: Sequence[RowRule]) -> Callable[[Any], Any]:
    broken = [(rule.name, predicate(rule)) for rule in rules]

    def judge(value: Any) -> Any:
        if value is not None and (not isinstance(value, _PYTHON[column.type]) or _is_no_number(column, value)):
            raise _breaks(f"{column.name}.type", value)
        text = _text(value)
        for name, is_broken in broken:
            if is_broken({column.name: text}):
                raise _breaks(name, value)
        return typed(column.type, text) if column.type in _TYPED and text is not None else value

    return judge


def _in_order(rules: Sequence[RowRule]) -> Callable[[Any], Any]:
    broken = [(rule.name, predicate(rule)) for rule in rules]

    def in_order(self: BaseModel) -> BaseModel:
        record = {name: _text(value) for name, value in self} if broken else {}
        for name, is_broken in broken:
            if is_broken(record):
                raise _breaks(name, record[name.partition(".")[0]])
        return self

    return in_order


def _breaks(rule: str, value: object) -> PydanticCustomError:
    context = {"found": repr(value), "rule": rule}
    return PydanticCustomError(rule, "{found} breaks {rule}", context)


def _is_no_number(column: Column, value: object) -> bool:
    """Whether the value is a boolean, which Python would treat as a number."""
    return isinstance(value, bool) and column.type is not ColumnType.BOOLEAN


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        zoned = value.astimezone(UTC) if value.tzinfo else value
        return zoned.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else text_of(value)
