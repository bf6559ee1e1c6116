"""Replays a peer's end-to-end scenarios of loans, kept as data outside the repository, through our plan engine.

`reader` reads files, `product` tells a product's settings from its name, `story` turns steps into acts and checks,
`engine` is the only module that touches the plan engine, `compare` compares cells, `replay` and `report` count.
"""
