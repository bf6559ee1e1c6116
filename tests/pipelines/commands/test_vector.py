"""The commands on published vectors, as a person types them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from psycopg import Connection

from features.postgres import PostgresVectors
from features.publication import NoSuchVersion
from pipelines.vectors.published_vectors import published_vectors
from tests.command_line import acts_of
from tests.features.test_publications import NOON, hand_over

main = acts_of("pipelines")

SERVED = published_vectors()["applicant"]


@pytest.fixture
def versions(database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two whole publications of the present feature set's digest, and one of another."""
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    store = PostgresVectors(connection)
    made = [
        hand_over(store, "whole", {("a", NOON): 1}, digest=SERVED.digest),
        hand_over(store, "whole", {("a", NOON): 2, ("b", NOON): 2}, digest=SERVED.digest),
        hand_over(store, "whole", {("a", NOON): 3}, digest="e" * 64),
    ]
    connection.commit()
    return made


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_versions_are_listed_newest_first(versions: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    main(["list-publications", "--json"])
    listed: list[Mapping[str, Any]] = told(capsys)["publications"]
    main(["list-publications"])
    lines = capsys.readouterr().out.splitlines()

    assert [each["version"] for each in listed] == versions[::-1]
    assert [(each["active"], each["kind"], each["vectors"], each["changed"]) for each in listed] == [
        (True, "whole", 1, 1),
        (True, "whole", 2, 2),
        (False, "whole", 1, 1),
    ]
    assert listed[1]["snapshot_ids"] == {"features.applicant": 1}
    assert [line[0] for line in lines] == [" ", "*", "*", " "]


def test_a_roll_back_is_one_command_and_so_is_the_way_forward(
    versions: list[int], connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["roll-back-features", "--json"])
    assert told(capsys)["version"] == versions[0]
    vector = PostgresVectors(connection).latest("a", SERVED.digest, NOON)
    assert vector is not None
    assert vector.values["balance"] == 1
    connection.commit()

    main(["roll-back-features", "--to", str(versions[1])])
    assert f"serving reads version {versions[1]}" in capsys.readouterr().out
    with pytest.raises(NoSuchVersion, match="has no version 999"):
        main(["roll-back-features", "--to", "999"])
    with pytest.raises(Exception, match="is 'shop'; there are applicant"):
        main(["roll-back-features", "--entity", "shop"])
