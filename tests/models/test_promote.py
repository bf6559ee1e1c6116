"""Only a model that proves itself becomes champion, in the registry and for serving alike."""

from pathlib import Path

import pytest

from models import artefact, export
from models.artefact import ArtefactFault
from models.memory import MemoryRegistry
from models.promote import promote
from models.registry import ModelVersion, Run, UnknownVersion
from tests.models.builders import a_model


def registered(registry: MemoryRegistry, folder: Path, digest: str = "f00d") -> ModelVersion:
    written = export.write(folder, a_model(digest=digest))
    return registry.record(
        Run("m", written.digest, folder / written.digest, None, written.feature_names, {}, {}, {}, ())
    )


def test_the_newest_version_becomes_champion_for_both(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    registered(registry, tmp_path)
    newest = registered(registry, tmp_path, "beef")

    report = promote(registry, tmp_path, "m")

    assert report.champion == newest == registry.champion("m")
    champion = artefact.load_champion(tmp_path)
    assert (champion.digest, champion.version, champion.model_id) == (newest.digest, "2", newest.model_id)


def test_an_older_version_can_be_put_back(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    first, second = registered(registry, tmp_path), registered(registry, tmp_path, "beef")
    promote(registry, tmp_path, "m")

    report = promote(registry, tmp_path, "m", "1")

    assert (report.champion, report.before) == (first, second)
    assert artefact.load_champion(tmp_path).digest == first.digest


def test_promoting_the_champion_again_changes_nothing(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    registered(registry, tmp_path)
    promote(registry, tmp_path, "m")
    assert promote(registry, tmp_path, "m").before is None
    assert artefact.load_champion(tmp_path).version == "1"


def test_an_artefact_that_this_machine_lacks_is_fetched(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    version = registered(registry, tmp_path / "trained here")
    promote(registry, tmp_path / "served here", "m")
    assert artefact.load_champion(tmp_path / "served here").digest == version.digest


def test_a_damaged_model_stays_out_and_the_champion_stays(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    first = registered(registry, tmp_path)
    promote(registry, tmp_path, "m")
    damaged = tmp_path / registered(registry, tmp_path, "beef").digest / "arrays.npz"
    damaged.write_bytes(damaged.read_bytes()[:100])

    with pytest.raises(ArtefactFault, match="cannot be read"):
        promote(registry, tmp_path, "m")

    assert registry.champion("m") == first
    assert artefact.load_champion(tmp_path).digest == first.digest


def test_a_folder_with_another_model_in_it_is_refused(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    first, second = registered(registry, tmp_path), registered(registry, tmp_path, "beef")
    for file in ("model.json", "arrays.npz"):
        (tmp_path / second.digest / file).write_bytes((tmp_path / first.digest / file).read_bytes())
    with pytest.raises(ArtefactFault, match="version 2 should be"):
        promote(registry, tmp_path, "m")


def test_what_was_never_trained_cannot_be_promoted(tmp_path: Path) -> None:
    with pytest.raises(UnknownVersion, match="model m"):
        promote(MemoryRegistry(), tmp_path, "m")
