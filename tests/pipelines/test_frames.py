"""Functions on Spark frames document the columns of their results, which a frame's type does not show."""

import ast
from collections.abc import Iterator
from pathlib import Path

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"


def gives_a_frame(function: ast.FunctionDef) -> bool:
    names = ast.walk(function.returns) if function.returns is not None else iter(())
    return any(isinstance(name, ast.Name) and name.id == "DataFrame" for name in names)


def functions_to_frames(folder: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and gives_a_frame(node):
                yield f"{path.relative_to(folder)}: {node.name}", node


def test_every_function_that_gives_a_frame_names_its_columns() -> None:
    functions = dict(functions_to_frames(PIPELINES))

    assert "ingest/validation.py: validated" in functions
    assert [name for name, each in functions.items() if "Columns:" not in (ast.get_docstring(each) or "")] == []
