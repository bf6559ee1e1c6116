"""A training set is what it was, after the lake went on, and says so when rows were taken out of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models import amend, rebuild, retire, train
from models.code_version import code_version
from models.manifest import MANIFEST_FILE, Manifest, ManifestFault
from models.memory import MemoryRegistry, MemoryTrainingTables
from models.promote import promote
from models.registry import ChampionStands, Run, UnknownVersion
from models.tables import LakeFault
from models.train import TrainingRequest
from pipelines.erasures.erasures import ErasureEntry, ErasureState
from tests.models.test_train import QUICK
from tests.models.worlds import TEST_UNTIL, TRAIN_UNTIL, some_frames

NOW = datetime(2026, 5, 1, tzinfo=UTC)
USUAL = TrainingRequest(train_until=TRAIN_UNTIL, test_until=TEST_UNTIL, parameters=QUICK, code="abc", at=NOW)
NAME = "default_probability"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """One training: the folder of models, and the calls to the registry."""
    folder, registry = tmp_path_factory.mktemp("models"), MemoryRegistry()
    train.train(MemoryTrainingTables(some_frames()), registry, folder, USUAL)
    return folder, registry.runs[0]


@pytest.fixture
def tables(trained: tuple[Path, Run]) -> MemoryTrainingTables:
    """The lake as that training left it."""
    lake = MemoryTrainingTables(some_frames())
    manifest = Manifest.read(trained[1].artefact / MANIFEST_FILE)
    lake.pin(manifest.tag, manifest.tables)
    return lake


@pytest.fixture
def registry(trained: tuple[Path, Run], tmp_path: Path) -> MemoryRegistry:
    """The registry as that training left it, the folder of models being `tmp_path`."""
    folder, run = trained
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    filled = MemoryRegistry()
    filled.record(replace(run, artefact=tmp_path / run.digest))
    return filled


def manifest_of(registry: MemoryRegistry) -> Manifest:
    return rebuild.registered_manifest(registry, registry.version(NAME))


def go_on(tables: MemoryTrainingTables) -> None:
    """Other loans, then nothing but the newest snapshots and those that a tag names."""
    for name, frame in some_frames(seed=4).items():
        tables.write(name, frame)
    tables.expire()


def test_training_pins_what_it_read(tmp_path: Path) -> None:
    lake = MemoryTrainingTables(some_frames())
    digest = train.train(lake, MemoryRegistry(), tmp_path, USUAL).version.digest
    go_on(lake)

    assert lake.pinned(f"train_{digest}", list(some_frames())) == dict.fromkeys(some_frames(), 1)
    assert rebuild.rebuild_training_set(lake, Manifest.read(tmp_path / digest / MANIFEST_FILE)).is_same


def test_the_manifest_beside_the_artefact_tells_all_that_is_needed(registry: MemoryRegistry, tmp_path: Path) -> None:
    version = registry.version(NAME)
    manifest = Manifest.read(tmp_path / version.digest / MANIFEST_FILE)

    assert manifest == manifest_of(registry)
    assert manifest.tag == f"train_{version.digest}"
    assert manifest.tables == dict.fromkeys(some_frames(), 1)
    assert manifest.contracts["curated.granted_loans"] == "granted_loan@1.0.0"
    assert (manifest.rows, manifest.split["train_rows"], manifest.split["test_rows"]) == (300, 203, 97)
    assert (manifest.code, manifest.created_at) == ("abc", NOW.isoformat())
    assert manifest.label_rule["finished_unpaid"]


def test_neither_the_manifest_nor_the_rows_name_an_account(
    registry: MemoryRegistry, tables: MemoryTrainingTables
) -> None:
    accounts = set(some_frames()["curated.credit_applications"]["account_id"])
    gathered = rebuild.gather_pinned(tables, manifest_of(registry))

    assert not any(f'"{account}"' in manifest_of(registry).to_json() for account in accounts)
    assert not accounts & set(gathered.application_ids)


def test_the_same_rows_come_out_after_the_lake_went_on(registry: MemoryRegistry, tables: MemoryTrainingTables) -> None:
    go_on(tables)

    found = rebuild.rebuild_training_set(tables, manifest_of(registry))

    assert found.is_same
    assert (found.rows, found.content_hash) == (300, manifest_of(registry).content_hash)


def test_training_on_other_rows_pins_those_and_leaves_the_first_as_they_were(
    registry: MemoryRegistry, tables: MemoryTrainingTables, tmp_path: Path
) -> None:
    go_on(tables)
    other = train.train(tables, registry, tmp_path, USUAL).version
    tables.expire()

    assert other.version == "2"
    for version in registry.standing(NAME):
        assert rebuild.rebuild_training_set(tables, rebuild.registered_manifest(registry, version)).is_same


def test_training_again_keeps_the_first_manifest(
    registry: MemoryRegistry, tables: MemoryTrainingTables, tmp_path: Path
) -> None:
    first = manifest_of(registry)
    train.train(tables, registry, tmp_path / "another machine", replace(USUAL, code="def"))

    assert manifest_of(registry) == first
    copied = tmp_path / "another machine" / registry.version(NAME).digest / MANIFEST_FILE
    assert Manifest.read(copied) == first


def test_what_differs_is_named(registry: MemoryRegistry, tables: MemoryTrainingTables) -> None:
    frames = some_frames()
    changed = frames["features.applicant"]
    changed.loc[3, "balance_low_90d"] += 1
    tables.write("features.applicant", changed)
    manifest = manifest_of(registry)
    other = replace(manifest, tables={**manifest.tables, "features.applicant": 2}, tag="train_elsewhere")

    found = rebuild.rebuild_training_set(tables, other)

    assert not found.is_same
    assert "column balance_low_90d holds other values" in found.differences
    assert not any("application_id" in difference for difference in found.differences)


def test_a_set_of_other_features_or_labels_names_the_code_that_can_rebuild_it(
    registry: MemoryRegistry, tables: MemoryTrainingTables
) -> None:
    manifest = manifest_of(registry)
    with pytest.raises(ManifestFault, match=r"has the features of f00d, .* rebuild it with code abc"):
        rebuild.rebuild_training_set(tables, replace(manifest, feature_set_digest="f00d"))
    with pytest.raises(ManifestFault, match=r"labels follow another rule .* code abc"):
        rebuild.rebuild_training_set(tables, replace(manifest, label_rule={"finished_paid": True}))


def test_a_retired_version_gives_its_snapshots_up_and_stands_no_more(
    registry: MemoryRegistry, tables: MemoryTrainingTables
) -> None:
    manifest = manifest_of(registry)
    for unpinned in (4, 0):  # retiring again is the same
        assert retire.retire(tables, registry, NAME, "1").unpinned == unpinned
    go_on(tables)

    with pytest.raises(LakeFault, match="no snapshot 1 any more"):
        rebuild.rebuild_training_set(tables, manifest)
    with pytest.raises(UnknownVersion):
        registry.version(NAME)


def test_the_champion_is_not_retired(registry: MemoryRegistry, tables: MemoryTrainingTables, tmp_path: Path) -> None:
    promote(registry, tmp_path, NAME)

    with pytest.raises(ChampionStands, match=r"version 1 .* promote another one"):
        retire.retire(tables, registry, NAME, "1")
    go_on(tables)
    assert rebuild.rebuild_training_set(tables, manifest_of(registry)).is_same


def test_a_retired_model_that_is_trained_again_is_a_new_version_with_its_own_pin(
    registry: MemoryRegistry, tables: MemoryTrainingTables, tmp_path: Path
) -> None:
    retire.retire(tables, registry, NAME, "1")
    assert train.train(tables, registry, tmp_path, USUAL).version.version == "2"
    retire.retire(tables, registry, NAME, "1")
    go_on(tables)

    assert rebuild.rebuild_training_set(tables, manifest_of(registry)).is_same


def erase_first(tables: MemoryTrainingTables, tag: str) -> list[ErasureEntry]:
    """Take the first applicant out of every pinned snapshot, and say so on the record."""
    lines = []
    keys = {"curated.granted_loans": "loan_id", "curated.loan_outcomes": "loan_id"}
    for name, frame in some_frames().items():
        column = keys.get(name, "account_id")
        tables.write(name, frame[frame[column] != "seeded-0000"])
        newest = tables.read(name, [column]).snapshot_id
        tables.pin(tag, {name: newest})
        lines.append(ErasureEntry("case-1", "x", ErasureState.REMOVED, NOW, name, tag, 1, 1, newest))
    return lines


def test_after_an_erasure_the_manifest_says_how_many_rows_went_and_the_new_hash(
    registry: MemoryRegistry, tables: MemoryTrainingTables, tmp_path: Path
) -> None:
    before = manifest_of(registry)
    lines = erase_first(tables, before.tag)
    with pytest.raises(ManifestFault, match="amend-training-sets"):
        rebuild.rebuild_training_set(tables, before)

    (amended,) = amend.amend(tables, registry, tmp_path, lines, NOW)

    after = manifest_of(registry)
    assert rebuild.rebuild_training_set(tables, after).is_same
    (amendment,) = after.amendments
    assert (after.rows, amendment.training_rows_erased, amended.training_rows_erased) == (299, 1, 1)
    assert amendment.rows_erased == dict.fromkeys(some_frames(), 1)
    assert (amendment.previous_content_hash, amendment.case_id) == (before.content_hash, "case-1")
    assert after.content_hash == amendment.content_hash != before.content_hash
    assert Manifest.read(tmp_path / amended.version.digest / MANIFEST_FILE) == after
    assert amend.amend(tables, registry, tmp_path, lines, NOW) == ()


def test_a_tag_that_nobody_erased_from_but_was_moved_is_named(
    registry: MemoryRegistry, tables: MemoryTrainingTables, tmp_path: Path
) -> None:
    erase_first(tables, manifest_of(registry).tag)

    with pytest.raises(ManifestFault, match="was moved, and no erasure on record says why"):
        amend.amend(tables, registry, tmp_path, [], NOW)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"amendments": []}'])
def test_what_is_no_manifest_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(text)

    with pytest.raises(ManifestFault, match=r"m\.json is no manifest"):
        Manifest.read(path)


def test_a_manifest_of_another_format_is_refused(registry: MemoryRegistry) -> None:
    told: Mapping[str, object] = json.loads(manifest_of(registry).to_json())

    with pytest.raises(ManifestFault, match="x has format 2, this code reads 1"):
        Manifest.from_json(json.dumps({**told, "format": 2}), "x")


def test_the_code_is_a_commit_where_there_is_a_checkout_else_the_packages_version(tmp_path: Path) -> None:
    assert len(code_version().removesuffix("+changed")) == 40
    assert code_version(tmp_path) == "tranche 0.1.0"
