"""What the design promises of the package itself: its public names, its layers, its size."""

import ast
import inspect
from pathlib import Path

import pytest

import labsupport

PACKAGE = Path(labsupport.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
CHECKS = PACKAGE / "lessons" / "checks"

# From the ground up: a module imports only from those before it.
GROUND = "errors checks clock keys server labtime traffic origin routes caches fleet model races".split()  # noqa: SIM905
UPPER = "coordination faults sentences figures lab explorers classroom decide lessons".split()  # noqa: SIM905
AROUND = "build site setup workshop".split()  # noqa: SIM905
LAYERS = [*GROUND, *UPPER, *AROUND]


def code_lines(path: Path) -> int:
    """Lines that hold code: not blank, no comment, no docstring (a lesson's helpers need many of both)."""
    text = path.read_text(encoding="utf-8")
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    doc = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            doc |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for n, line in lines if line.strip() and not line.lstrip().startswith("#") and n not in doc)


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The layers that a module imports from."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("labsupport."):
            names.add(node.module.split(".")[1])
        if isinstance(node, ast.Import):
            names |= {a.name.split(".")[1] for a in node.names if a.name.startswith("labsupport.")}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_is_short_and_imports_only_from_the_layers_below(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    if layer(path) in LAYERS:
        below = LAYERS[: LAYERS.index(layer(path)) + 1]
        # doctor and the commands look upward, by name and only once a command needs it
        assert layer(path) == "setup" or imported(path) <= set(below)


def test_every_module_says_its_one_job_in_its_first_line():
    said = [
        (ast.get_docstring(ast.parse(p.read_text(encoding="utf-8"))) or "").split("\n\n")[0] for p in MODULES
    ]
    assert [path for path, job in zip(MODULES, said) if "\n" in job or not job.endswith((".", "?"))] == []
    assert len(set(said)) == len(MODULES)  # no two have the same one


def test_every_module_has_its_place():
    assert {layer(p) for p in MODULES} - {"__init__", "__main__"} == set(LAYERS)


def test_the_package_stays_small():
    assert sum(code_lines(p) for p in MODULES if layer(p) in GROUND) <= 2_300
    assert sum(code_lines(p) for p in MODULES if p.parent != CHECKS) <= 11_000


def test_the_check_of_an_exercise_stays_small():
    # They grow with the series, so they are counted apart: what an exercise asks, not how it is asked.
    modules = list(CHECKS.glob("nb*.py"))
    exercises = sum(path.read_text(encoding="utf-8").count("\ndef check_") for path in modules)
    assert sum(map(code_lines, modules)) <= 75 * exercises


CONTRACT = {
    "start_lab": "notebook, lab_time=True",
    "read_traffic": "path",
    "zipf_traffic": "requests, courses, skew, rate, seed",
    "CourseCatalog": "",
    "LocalCache": "ttl, clock",
    "SharedCache": "redis, ttl, keys",
    "Fleet": "instances, cache, origin, clock, route='round_robin', seed=0, tick=1.0",
    "simulate": "traffic, instances, ttl, shared=False, route='round_robin', seed=0, tick=1.0",
}


@pytest.mark.parametrize(("name", "wanted"), CONTRACT.items())
def test_the_public_names_take_what_the_contract_says(name, wanted):
    parameters = inspect.signature(getattr(labsupport, name)).parameters.values()
    positional = [p.replace(annotation=p.empty) for p in parameters if p.kind is not p.KEYWORD_ONLY]
    assert ", ".join(map(str, positional)) == wanted


def test_every_public_name_is_there_and_documented():
    for name in labsupport.__all__:
        assert inspect.getdoc(getattr(labsupport, name)), name
