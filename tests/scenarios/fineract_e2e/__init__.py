"""Replays a peer's end-to-end scenarios of loans, kept as data outside the repository, through our plan engine.

`reader` reads files, `product` tells a product's settings from its name, `steps` turns steps into the acts and checks
of a `story`. `loan`, `record` (with `money_acts` and `change_acts`) and `read_back` (with `watch`) touch the plan
engine; `compare` compares cells, `replay` and `report` count.
"""
