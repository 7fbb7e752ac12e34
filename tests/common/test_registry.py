"""Plug-ins are found by the names of their files, and by one look-up."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

from lethe import metrics
from lethe.analysis.audit import probe
from lethe.analysis.claims import papers
from lethe.common.errors import LetheError
from lethe.common.registry import LETHE, Registry
from lethe.evaluate import attack, suite
from lethe.model import architecture, interventions, seeing
from lethe.pipeline import strategies
from lethe.report import figures, studies, tables
from lethe.report.paper import exhibit
from lethe.report.suffixes import suffixes
from lethe.train import recipe
from lethe.unlearn import defences, methods, needs, supervisions, wrappers
from lethe.world import provider
from lethe.world import split as split_kinds
from lethe.world.generated import STEPS, steps
from lethe.world.synthetic import lesson

REGISTRIES = (
    methods.METHODS,
    wrappers.WRAPPERS,
    metrics.METRICS,
    suite.SUITES,
    attack.ATTACKS,
    interventions.INTERVENTIONS,
    architecture.ARCHITECTURES,
    papers.PAPERS,
    tables.TABLES,
    figures.FIGURES,
    exhibit.EXHIBITS,
    studies.STUDIES,
    provider.PROVIDERS,
    split_kinds.KINDS,
    steps.STEP,
    needs.NEEDS,
    probe.PROBES,
    lesson.LESSONS,
    recipe.RECIPES,
    defences.DEFENCES,
    supervisions.SUPERVISIONS,
    strategies.STRATEGIES,
    seeing.FAMILIES,
)
DECLARING = [registry for registry in REGISTRIES if registry.declares]
every = pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.noun)


@dataclass(frozen=True)
class Contract:
    reads: str
    needs: tuple[str, ...] = ()

    def __post_init__(self):
        if "nothing" in self.needs:
            raise LetheError("NEEDS: unknown 'nothing'")


@pytest.fixture
def registry(tmp_path) -> Registry:
    """Of a folder outside the library."""
    made = Registry("lethe.things", "thing", Contract)
    made.folder = tmp_path
    return made


@every
def test_files_are_the_plug_ins(registry):
    others = {"__init__", "base"}
    files = {file.stem for file in registry.folder.glob("*.py") if file.stem[0] != "_"} - others
    assert set(registry.names()) == files
    assert files


def test_every_registry_of_the_library_is_among_them_and_in_the_docs():
    """What is said here of all plug-ins is then said of all; a new kind cannot be forgotten."""
    made = [
        file
        for file in LETHE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Registry"
    ]
    assert len(made) == len(REGISTRIES)
    table = (LETHE.parents[1] / "docs/architecture.md").read_text(encoding="utf-8")
    for registry in REGISTRIES:
        assert f"| `{registry.folder.relative_to(LETHE)}` |" in table


@every
def test_what_is_no_plug_in_is_refused_as_an_unknown_name(registry):
    first = registry.names()[0]
    registry.check(first)
    for name in ("base", "__init__", "_shared", "", f"./{first}", f"{first}.py", "A", None, 3):
        with pytest.raises(LetheError, match=f"unknown {registry.noun} "):
            registry.check(name)


@every
def test_a_misspelt_name_is_told_the_closest(registry):
    name = registry.names()[0]
    wrong = f"{name}x"
    with pytest.raises(LetheError, match=f"unknown {registry.noun} '{wrong}'; did you mean {name}"):
        registry.load(wrong)


@pytest.mark.parametrize("registry", DECLARING, ids=lambda registry: registry.noun)
def test_what_is_declared_has_a_meaning(registry):
    for name in registry.names():
        assert registry.contract(name) is registry.contract(name)


def test_nobody_else_loads_by_name():
    """One look-up, also of scripts and rules."""
    root = LETHE.parents[1]
    files = [*LETHE.rglob("*.py"), *(root / "workflow/scripts").glob("*.py")]
    loading = [
        file.relative_to(LETHE).as_posix() if LETHE in file.parents else file.name
        for file in files
        if "import_module" in _names(file) or "__import__" in _names(file)
    ]
    # The second loads other projects' libraries, named by the rules, for the jobs that it forks.
    assert loading == ["common/registry.py", "fork_server.py"]
    rules = (root / "workflow/rules").rglob("*.smk")
    assert [file.name for file in rules if "import_module" in file.read_text("utf-8")] == []


def _names(file: Path) -> set[str]:
    """Every name that a module mentions, but for text."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    plain = {node.id for node in nodes if isinstance(node, ast.Name)}
    return plain | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def test_the_folder_of_a_new_file_is_all_that_it_needs(registry, tmp_path):
    assert registry.names() == []
    (tmp_path / "new.py").write_text('READS = "scores"\nNEEDS = ("one",)\n\n\ndef draw(): ...\n')
    for shared in ("base.py", "_shared.py", "__init__.py"):
        (tmp_path / shared).write_text("READS = 1\n")
    assert registry.names() == ["new"]
    assert registry.contract("new") == Contract("scores", ("one",))
    assert registry.functions("new") == {"draw"}


def test_constants_that_are_computed_are_none_of_a_contract(registry, tmp_path):
    (tmp_path / "new.py").write_text('READS = "scores"\nNEEDS = tuple("ab")\nOTHER = 1\n')
    assert registry.contract("new") == Contract("scores")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("NEEDS = ()\n", r"thing new: declares no READS; write it in new\.py"),
        ('READS = "x"\nNEEDS = ("nothing",)\n', r"thing new: NEEDS: unknown 'nothing'"),
    ],
)
def test_what_is_declared_wrongly_is_one_line(source, message, registry, tmp_path):
    (tmp_path / "new.py").write_text(source)
    with pytest.raises(LetheError, match=f"^{message}$"):
        registry.contract("new")


@pytest.mark.parametrize(
    ("package", "source", "message"),
    [
        (tables, 'READS = ("score",)\n', "table new: READS: unknown 'score'; did you mean scores?"),
        (
            figures,
            'READS = ("rogue",)\n',
            "figure new: READS: unknown 'rogue'; did you mean rouge?",
        ),
        (
            metrics,
            'NEEDS = ("probabilty",)\n',
            "metric new: NEEDS: unknown metric 'probabilty'; did you mean probability?",
        ),
    ],
)
def test_a_misspelt_need_is_told_the_closest(package, source, message, tmp_path, monkeypatch):
    (registry,) = (value for value in vars(package).values() if isinstance(value, Registry))
    known = metrics.names()
    monkeypatch.setattr(metrics, "names", lambda: known)
    monkeypatch.setattr(registry, "folder", tmp_path)
    (tmp_path / "new.py").write_text(source)
    with pytest.raises(LetheError) as caught:
        registry.contract("new")
    assert str(caught.value) == message


WHOLE = 'NUMBER = "Figure 0"\nTITLE = "new"\nCAPTION = "New."\nFILE = "fig00"\nREADS = "scores"\n'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"scores"', '"score"', "READS is 'score'; did you mean scores?"),
        ('"fig00"', '"fig00/{modle}"', "FILE has {modle}; did you mean model?"),
        ('"scores"', '"logs"\nFILE = "{run}"', "FILE has {run}; there are model, split"),
        ('"scores"', '"scores"\nSPLITS = "small"', "SPLITS is 'small'; did you mean smallest?"),
    ],
)
def test_an_exhibit_that_means_nothing_is_one_line(old, new, message, tmp_path, monkeypatch):
    monkeypatch.setattr(exhibit.EXHIBITS, "folder", tmp_path)
    (tmp_path / "new.py").write_text(WHOLE.replace(old, new))
    with pytest.raises(LetheError) as caught:
        exhibit.contract("new")
    assert str(caught.value) == f"exhibit new: {message}"


def test_files_of_an_exhibit_follow_from_its_functions(tmp_path, monkeypatch):
    monkeypatch.setattr(exhibit.EXHIBITS, "folder", tmp_path)
    (tmp_path / "text.py").write_text("def markdown(table): ...\n\n\ndef build(data): ...\n")
    (tmp_path / "empty.py").write_text(WHOLE)
    assert suffixes(exhibit.EXHIBITS, "text") == ("csv", "md")
    with pytest.raises(LetheError, match=r"exhibit empty: no function build, markdown or draw"):
        suffixes(exhibit.EXHIBITS, "empty")
    monkeypatch.undo()
    assert suffixes(exhibit.EXHIBITS, "words") == ("csv", "pdf", "png")
    assert suffixes(studies.STUDIES, "npo") == ("csv", "pdf", "png")


def test_every_step_has_its_place():
    """Their order is a list; what they are is not."""
    assert sorted(STEPS) == steps.STEP.names()


# --- architectures ---


def test_an_architecture_is_named_by_the_configuration(tmp_path, monkeypatch):
    assert architecture.sizes({"hidden_size": 48}).hidden_size == 48
    assert architecture.module({}) == "lethe.model.architectures.llama"
    assert architecture.sizes({"name": "llama"}) == architecture.sizes({})
    with pytest.raises(LetheError, match=r"^architecture\.name: unknown architecture 'lama'; did"):
        architecture.sizes({"name": "lama"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"heads": 5}, "p.heads: hidden_size 128 is not a multiple of twice the heads (5)"),
        ({"layers": 0}, "p.layers: input should be greater than or equal to 1"),
        ({"layers": True}, "p.layers: input should be a number"),
        ({"width": 8}, "p.width: unknown setting; there are hidden_size"),
    ],
)
def test_sizes_that_mean_nothing_are_one_line(given, message):
    with pytest.raises(LetheError) as caught:
        architecture.sizes(given, "p")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
