"""The module that gives the flows of the money map their names in code, written from the map."""

from ledger.map.money_map import MoneyMap

_HEAD = '''\
"""The flows of the money map by name: `Flow.RECOVERY` in code is `F32` in the books and on the page.

Generated from ledger/money_map.toml by `tranche ledger map`. Do not edit.
"""

from enum import StrEnum


class Flow(StrEnum):
    """A row of the money map; its value is the code that journals carry."""

'''


def flow_module(money_map: MoneyMap) -> str:
    """The source of `ledger/map/flow.py`: one member for each flow, in the order of the map."""
    return _HEAD + "".join(f'    {each.name.upper()} = "{each.flow}"\n' for each in money_map.flows.values())
