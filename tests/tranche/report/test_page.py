"""The report stands alone, says the run's figures, and does not hide a broken promise."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.tranche.builders import a_summary, the_details
from tranche.report.details import Details
from tranche.report.page import render, write_report
from tranche.report.summary import Planted, Summary

VOID = {"meta", "br"}


class Balanced(HTMLParser):
    """Notes tags that are closed out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag, attrs

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture
def page() -> str:
    return render(a_summary(), the_details())


def test_the_report_asks_for_nothing_outside_itself(page: str) -> None:
    assert not re.findall(r"(?:https?:)?//[a-z]", page)
    assert not re.findall(r"<(?:script|link|img|iframe)\b", page)
    assert "@import" not in page
    assert "url(#" in page
    assert not re.findall(r"url\((?!#)", page)


@pytest.mark.parametrize(
    "figure",
    [
        "96,112",
        "0.8123",
        "0.7410 to 0.8836",
        "£987,654.32",
        "£500,000.00",
        "£52,400.00",
        "217 of 217 decisions",
        "4.3 ms",
        "reversed or returned (E16)",
        "spends more than the account earns (R12)",
        "61 days",
        "monotone boosting",
        "Every promise was kept.",
        "not posted: sale without customer",
        "£840.002",
    ],
)
def test_the_report_says_the_figures(page: str, figure: str) -> None:
    assert figure in page


def test_every_picture_has_a_title_and_every_tag_is_closed(page: str) -> None:
    parser = Balanced()
    parser.feed(page)

    assert parser.wrong == []
    assert parser.open == []
    assert page.count("<svg ") == page.count('role="img" aria-label=') == 5


def test_a_broken_promise_stands_at_the_top() -> None:
    page = render(replace(a_summary(), planted={"late": Planted(4, 3)}), the_details())

    assert page.index("This run broke a promise.") < page.index("From events to cash</h2>")
    assert "Everything agrees." not in page


def test_what_is_open_is_summed_at_the_top_with_its_age(page: str) -> None:
    assert "Everything agrees." not in page
    assert (
        "7 open over £1,150.00, the oldest 61 days: 6 reversed or returned (E16), 1 wrong account or entity (E19)"
    ) in page
    assert "31 expected lines have not come." in page


def test_everything_agrees_only_above_nothing_open() -> None:
    summary, details = a_summary(), the_details()
    assert summary.reconciliation is not None
    cured = tuple(replace(each, still_open=0, open_minor=0) for each in details.breaks)
    none_expected = replace(summary, reconciliation=replace(summary.reconciliation, open_expectations=0))

    assert "Everything agrees." in render(none_expected, replace(details, breaks=cured))
    assert "Everything agrees." not in render(none_expected, details)
    assert "Everything agrees." not in render(summary, replace(details, breaks=cured))


def test_breaks_in_several_currencies_are_summed_apart() -> None:
    details = the_details()
    euros = replace(details.breaks[1], currency="EUR", open_minor=1_00)

    assert [line.split(" days")[0] for line in replace(details, breaks=(details.breaks[0], euros)).open_breaks()] == [
        "1 open over €1.00, the oldest 58",
        "6 open over £700.00, the oldest 61",
    ]


def test_a_run_without_sections_still_makes_a_page(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", Summary("berka", {"publish": 2.0}), Details("Half a run", "CZK"))

    page = (tmp_path / "report.html").read_text()
    assert "Half a run" in page
    assert 'id="model"' not in page


def test_words_from_data_cannot_become_markup() -> None:
    page = render(a_summary(), replace(the_details(), notes=("<b>loud</b>",)))

    assert "<b>loud</b>" not in page
    assert "&lt;b&gt;loud&lt;/b&gt;" in page
