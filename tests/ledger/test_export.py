"""The books as plain text: names go there and back, and beancount agrees with our own trial balance."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import export_beancount, export_hledger
from ledger.account import Kind

PARTS = st.text(st.characters(exclude_characters=":{}", exclude_categories=("Z", "C")), min_size=1, max_size=8)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map(":".join)


@settings(max_examples=200)
@given(name=NAMES, kind=st.sampled_from(Kind))
def test_an_account_has_one_name_there_and_the_same_one_back(name: str, kind: Kind) -> None:
    for dialect in (export_beancount, export_hledger):
        assert dialect.own_name(dialect.account_name(name, kind)) == name


@settings(max_examples=200)
@given(name=NAMES)
def test_beancount_can_read_every_name(name: str) -> None:
    import re

    legal = re.compile(r"[A-Z][A-Za-z0-9-]*(:[A-Z0-9][A-Za-z0-9-]*)+")
    assert legal.fullmatch(export_beancount.account_name(name, Kind.ASSET))
