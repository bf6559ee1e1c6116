"""A promoted model serves only when it proves itself, and its contributions add up."""

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models import artefact, export
from models.artefact import ArtefactDamaged, ArtefactFault, FeaturesMissing, GoldenMismatch, Model, NoChampion
from models.trees import MalformedTrees
from tests.models.builders import STEPS, a_model, a_promoted_model, a_step, log_odds


def tampered(folder: Path, array: str, position: int, *, bit: int = 0, rehashed: bool = True) -> None:
    """Flip one bit of one number in the artefact; `rehashed` also makes the description agree with it."""
    with np.load(folder / "arrays.npz") as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    arrays[array].view(np.uint64)[position] ^= np.uint64(1 << bit)
    np.savez(folder / "arrays.npz", **arrays)
    if rehashed:
        facts = json.loads((folder / "model.json").read_text())
        facts["arrays_sha256"] = artefact.arrays_digest(arrays)
        (folder / "model.json").write_text(json.dumps(facts))


def some_rows(model: Model, count: int = 300) -> list[dict[str, float | None]]:
    random = np.random.default_rng(1)
    choices: list[float | None] = [None, math.nan, math.inf, -math.inf, 0.0, 2.0, 5e6]
    return [
        {
            name: choices[random.integers(len(choices))] if random.random() < 0.4 else float(random.normal(0, 1e4))
            for name in model.feature_names
        }
        for _ in range(count)
    ]


def test_contributions_are_the_log_odds_above_the_reference() -> None:
    model = a_model()
    for row in some_rows(model):
        scored = model.score(row)
        assert math.isclose(
            sum(scored.contributions.values()), scored.log_odds - model.reference_log_odds, rel_tol=0, abs_tol=1e-12
        )
        assert math.isclose(log_odds(scored.default_probability), scored.log_odds, abs_tol=1e-9)


def test_a_step_above_its_threshold_adds_exactly_half_its_height() -> None:
    model = a_model(slope=2.0)

    scored = model.score({"balance_min_90d": -5, "overdraft_days_90d": 0, "amount_minor": 9e6})

    assert scored.contributions == pytest.approx(
        {"balance_min_90d": 2.0, "overdraft_days_90d": -2.0, "amount_minor": 0.6}
    )


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_an_unknown_value_takes_the_branch_of_missing_values(unknown: float | None) -> None:
    known = {"balance_min_90d": 50.0, "overdraft_days_90d": 0.0, "amount_minor": 100.0}
    assert a_model().score(known | {"balance_min_90d": unknown}).contributions["balance_min_90d"] == 1.0


def test_a_feature_that_is_not_named_is_refused_by_name() -> None:
    with pytest.raises(FeaturesMissing, match="overdraft_days_90d"):
        a_model().score({"balance_min_90d": 1, "amount_minor": 1})


def test_curing_a_reason_lowers_the_default_probability() -> None:
    model = a_model()
    cured = 0
    for row in some_rows(model):
        scored = model.score(row)
        for reason in model.reasons(scored):
            better = model.score(row | {name: model.reference[name] for name in reason.features})
            assert better.default_probability < scored.default_probability
            cured += 1
    assert cured > 100


def test_a_written_model_comes_back_the_same(tmp_path: Path) -> None:
    model = a_model()
    written = export.write(tmp_path, model)

    loaded = artefact.load_model(tmp_path / written.digest)

    assert [loaded.score(row) for row in some_rows(model)] == [model.score(row) for row in some_rows(model)]
    assert (loaded.name, loaded.feature_names, loaded.feature_set_digest) == (
        "default_probability",
        tuple(STEPS),
        "f00d",
    )
    assert loaded.reference == model.reference


def test_the_same_model_is_written_once_and_another_elsewhere(tmp_path: Path) -> None:
    first, again = export.write(tmp_path, a_model()), export.write(tmp_path, a_model())
    other = export.write(tmp_path, a_model(digest="beef"))

    assert first.digest == again.digest != other.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.digest, other.digest])


@pytest.mark.parametrize("bit", [0, 1, 20, 51, 61], ids=lambda bit: f"bit {bit}")
@pytest.mark.parametrize("position", [0, 3, 6])
def test_one_flipped_bit_of_a_threshold_stops_the_model(tmp_path: Path, position: int, bit: int) -> None:
    folder = tmp_path / a_promoted_model(tmp_path).digest
    tampered(folder, "threshold", position, bit=bit)
    with pytest.raises(GoldenMismatch, match="golden row"):
        artefact.load_model(folder)


@pytest.mark.parametrize("bit", [4, 20, 51, 63], ids=lambda bit: f"bit {bit}")
@pytest.mark.parametrize("position", [1, 2, 4, 5, 7, 8])
def test_one_flipped_bit_of_a_leaf_stops_the_model(tmp_path: Path, position: int, bit: int) -> None:
    folder = tmp_path / a_promoted_model(tmp_path).digest
    tampered(folder, "value", position, bit=bit)
    with pytest.raises(GoldenMismatch, match="golden row"):
        artefact.load_model(folder)


@pytest.mark.parametrize("position", [1, 4, 8])
def test_a_bit_too_small_for_any_score_stops_the_model_all_the_same(tmp_path: Path, position: int) -> None:
    folder = tmp_path / a_promoted_model(tmp_path).digest
    tampered(folder, "value", position, bit=0, rehashed=False)
    with pytest.raises(ArtefactFault):
        artefact.load_model(folder)


def test_a_change_that_no_golden_row_can_see_is_caught_by_the_digest(tmp_path: Path) -> None:
    folder = tmp_path / a_promoted_model(tmp_path).digest
    tampered(folder, "reference_values", 0, rehashed=False)
    with pytest.raises(ArtefactDamaged, match=r"arrays\.npz"):
        artefact.load_model(folder)


def test_a_champion_that_was_swapped_for_another_is_refused(tmp_path: Path) -> None:
    digest = a_promoted_model(tmp_path).digest
    other = export.write(tmp_path / "elsewhere", a_model(digest="beef"))
    for file in ("model.json", "arrays.npz"):
        (tmp_path / digest / file).write_bytes((tmp_path / "elsewhere" / other.digest / file).read_bytes())
    with pytest.raises(ArtefactDamaged, match="should be"):
        artefact.load_champion(tmp_path)


@pytest.mark.parametrize("file", ["model.json", "arrays.npz"])
def test_a_missing_or_broken_file_is_named(tmp_path: Path, file: str) -> None:
    folder = tmp_path / a_promoted_model(tmp_path).digest
    (folder / file).write_bytes((folder / file).read_bytes()[:-20])
    with pytest.raises(ArtefactDamaged, match="cannot be read"):
        artefact.load_model(folder)
    (folder / file).unlink()
    with pytest.raises(ArtefactDamaged, match=f"{file} is missing"):
        artefact.load_model(folder)


def test_without_a_promotion_there_is_no_champion(tmp_path: Path) -> None:
    with pytest.raises(NoChampion, match="tranche models promote"):
        artefact.load_champion(tmp_path)


def test_the_registration_names_the_version_and_leaves_the_digest_alone(tmp_path: Path) -> None:
    digest = a_promoted_model(tmp_path).digest
    export.write_registration(tmp_path, digest, artefact.Registration("7", "m-1", "run-1"))
    champion = artefact.load_champion(tmp_path)
    assert (champion.version, champion.model_id, champion.digest) == ("7", "m-1", digest)


def test_a_tree_that_asks_about_two_features_has_no_exact_contributions() -> None:
    crossing = {
        "feature": [0, 1, 0, 0, 0],
        "threshold": [0.0, 0.0, 0.0, 0.0, 0.0],
        "missing_left": [True] * 5,
        "left": [1, 3, 2, 3, 4],
        "right": [2, 4, 2, 3, 4],
        "value": [0.0, 0.0, 1.0, 2.0, 3.0],
    }
    trees = export.join([crossing])
    with pytest.raises(MalformedTrees, match="exactly one feature"):
        Model("m", ("a", "b"), "", trees, 0.0, 1.0, 0.0, "", np.zeros(2), np.zeros(2), (), {})


def test_a_calibration_that_turns_risk_upside_down_is_refused() -> None:
    with pytest.raises(ValueError, match="slope must be positive"):
        a_model(slope=-1.0)


def test_threads_share_one_model() -> None:
    model = a_model()
    rows = some_rows(model) * 5
    alone = [model.score(row) for row in rows]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(model.score, rows)) == alone


@pytest.mark.parametrize("value", [-1e4, -800.0, -1.0, 0.0, 1.0, 800.0, 1e4])
def test_the_probability_of_any_log_odds_is_a_probability(value: float) -> None:
    assert 0.0 <= artefact.probability(value) <= 1.0
    assert artefact.probability(value) + artefact.probability(-value) == pytest.approx(1.0)


def test_loading_and_scoring_needs_numpy_and_nothing_heavier(tmp_path: Path) -> None:
    a_promoted_model(tmp_path)
    program = (
        "import sys; from pathlib import Path; from models.artefact import load_champion\n"
        f"model = load_champion(Path({str(tmp_path)!r}))\n"
        "model.reasons(model.score(dict.fromkeys(model.feature_names)))\n"
        "print(' '.join(name for name in sys.modules if '.' not in name))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {
        "mlflow",
        "sklearn",
        "pandas",
        "pyspark",
        "pyiceberg",
        "great_expectations",
        "scipy",
        "pyarrow",
    }


def test_a_step_is_what_the_builder_says() -> None:
    trees = export.join([a_step(0, 1.0, -3.0, 4.0)])
    assert [trees.leaf_values(np.array([value]))[0] for value in (1.0, 1.0000001, math.nan)] == [-3.0, 4.0, -3.0]
