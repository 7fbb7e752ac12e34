import re
import shutil
from pathlib import Path

import pytest

import lethe
from lethe.pipeline import code_digest
from lethe.pipeline.code_digest import closure, digest
from lethe.unlearn import methods


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the library that may be edited."""
    folder = tmp_path / "src" / "lethe"
    original = Path(lethe.__file__).parent
    shutil.copytree(original, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_digest, "PACKAGE", folder)
    forget()
    yield folder
    forget()


def forget() -> None:
    """A job reads each file once, so what it read is kept; here files change."""
    for function in vars(code_digest).values():
        if hasattr(function, "cache_clear") and function is not code_digest._learned:
            function.cache_clear()


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{old!r} is no longer in {file.name}: choose another edit"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    forget()


def all_digests() -> dict[str, str]:
    return {name: digest(f"lethe.unlearn.methods.{name}") for name in methods.names()}


def changed(before: dict[str, str]) -> set[str]:
    after = all_digests()
    return {name for name in before if before[name] != after[name]}


def test_a_digest_is_the_same_wherever_the_project_lies(package, tmp_path, monkeypatch):
    here = digest("lethe.unlearn.methods.npo")
    assert re.fullmatch("[0-9a-f]{16}", here)
    moved = tmp_path / "elsewhere" / "src" / "lethe"
    shutil.copytree(package, moved)
    monkeypatch.setattr(code_digest, "PACKAGE", moved)
    assert digest("lethe.unlearn.methods.npo") == here


def test_comments_docstrings_and_layout_do_not_count(package):
    before = all_digests()
    file = package / "unlearn/methods" / "npo.py"
    text = file.read_text(encoding="utf-8")
    text = re.sub(r'^"""Neg.*?"""', '"""Another docstring."""', text, flags=re.S)
    text = re.sub(r'(class Method.*?\n    )""".*?"""', r'\1"Short."', text, flags=re.S)
    text = text.replace("-2 / beta *", "(\n            -2 / beta  # a comment\n        ) *")
    file.write_text(text.replace("    def loss", "\n\n    def loss"), encoding="utf-8")
    forget()
    assert changed(before) == set()
    # The edit above was one: the same place, by meaning.
    edit(file, "-2 / beta  # a comment", "-3 / beta")
    assert changed(before) == {"npo", "npo_retain", "npo_kl"}


def test_editing_npo_concerns_its_variants_but_not_the_others(package):
    before = all_digests()
    edit(package / "unlearn/methods" / "npo.py", "Field(0.1", "Field(0.2")
    assert changed(before) == {"npo", "npo_retain", "npo_kl"}
    before = all_digests()
    edit(
        package / "unlearn/methods" / "npo_retain.py",
        "settings_class = NPORetainSettings",
        "settings_class = npo.NPOSettings",
    )
    assert changed(before) == {"npo_retain"}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        # methods.npo -> method -> runner, inside a function -> optimizer, data_order, forward.
        ("train/lr_schedule.py", "(self.total - step)", "(self.total - step + 1)"),
        ("train/data_order.py", 'f"order/', 'f"other/'),
        ("model/forward.py", "self.batch.tokens_total", "self.batch.rows_total"),
        ("train/settings.py", "Field(1e-5, gt=0", "Field(2e-5, gt=0"),
    ],
)
def test_an_edit_of_what_is_imported_indirectly_counts(package, file, old, new):
    before = all_digests()
    edit(package / file, old, new)
    assert changed(before) == set(before)


def test_an_edit_of_what_is_not_imported_does_not_count(package):
    before = all_digests()
    edit(package / "model/generate.py", "SHARE = 1 / 8", "SHARE = 1 / 4")
    edit(package / "model/decoding.py", "CHUNK = 64", "CHUNK = 32")
    edit(package / "model/generation_probe.py", "short == long", "short != long")
    edit(package / "pipeline/ledger.py", "json", "jsonl")
    # Methods that learn from what a model says have how it is generated.
    assert changed(before) == {"asru", "cap"}


def test_packages_run_their_init_files(package):
    before = all_digests()
    with (package / "__init__.py").open("a") as file:
        file.write("\nCHANGED = True\n")
    forget()
    assert changed(before) == set(before)


def test_data_files_of_the_packages_folder_count(package):
    lists = sorted((package / "world/synthetic").glob("*.json"))
    assert lists
    world, method = digest("lethe.world.providers.synthetic"), digest("lethe.unlearn.methods.npo")
    lists[0].write_text(lists[0].read_text(encoding="utf-8") + "\n", encoding="utf-8")
    forget()
    assert digest("lethe.world.providers.synthetic") != world
    assert digest("lethe.unlearn.methods.npo") == method
    world = digest("lethe.world.providers.synthetic")
    (package / "world/synthetic" / "new.txt").write_text("x")
    forget()
    assert digest("lethe.world.providers.synthetic") != world


# Variants are built on the method that they vary.
BASES = {
    "adlira": {"unlearn/methods/lira.py"},
    "grad_diff": {"unlearn/methods/grad_ascent.py"},
    "kl_min": {"unlearn/methods/grad_ascent.py"},
    "npo_retain": {"unlearn/methods/npo.py"},
    "npo_kl": {"unlearn/methods/npo.py"},
    "altpo": {"unlearn/methods/dpo.py"},
    "zero_unlearn_gd": {"unlearn/methods/zero_unlearn.py"},
}


def test_every_method_depends_on_how_methods_run(package):
    for name in methods.names():
        files = closure(f"lethe.unlearn.methods.{name}")
        found = {file.relative_to(package.resolve()).as_posix() for file in files}
        assert {
            f"unlearn/methods/{name}.py",
            "unlearn/method.py",
            "unlearn/runner.py",
            "model/batch.py",
        } <= found
        # No other method, but for those that it builds on.
        others = {f"unlearn/methods/{other}.py" for other in methods.names()} & found
        assert others <= {f"unlearn/methods/{name}.py"} | BASES.get(name, set())


def test_scripts_and_what_lies_beside_them_count(package):
    scripts = package.parents[1] / "workflow" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "common.py").write_text("LIMIT = 1\n")
    (scripts / "other.py").write_text("LIMIT = 1\n")
    script = scripts / "job.py"
    script.write_text(
        "from common import LIMIT\nfrom lethe.common.files import sha256\nimport json\n"
    )
    before = digest(script)
    (scripts / "other.py").write_text("LIMIT = 2\n")
    forget()
    assert digest(script) == before
    (scripts / "common.py").write_text("LIMIT = 2\n")
    forget()
    changed_once = digest(script)
    assert changed_once != before
    edit(package / "common/files.py", '"rb"', '"r"')
    assert digest(script) != changed_once
    # A method found by its name at run time is added by the caller.
    assert digest(script, "lethe.unlearn.methods.npo") != digest(
        script, "lethe.unlearn.methods.idk"
    )
    assert digest(script, "lethe.unlearn.methods.npo") == digest(
        "lethe.unlearn.methods.npo", script
    )


def test_a_module_that_is_not_there_is_an_error(package):
    for entry in ("lethe.unlearn.methods.nop", package / "nop.py"):
        with pytest.raises(FileNotFoundError, match="nop"):
            digest(entry)


# --- what is kept between starts ---


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Path:
    """The file in which it is kept, as another process left it: after one digest."""
    (tmp_path / ".snakemake").mkdir()
    monkeypatch.setattr(code_digest, "LEARNED", tmp_path / ".snakemake/lethe_sources.json")
    another_start(monkeypatch)
    digest("lethe.unlearn.methods.npo")
    name, *arguments = code_digest.atexit_arguments
    assert name is code_digest._keep
    code_digest._keep(*arguments)
    another_start(monkeypatch)
    yield code_digest.LEARNED
    code_digest._learned.cache_clear()
    forget()


def another_start(monkeypatch) -> None:
    """Nothing in memory; what would be written at the end is noted, not written."""
    forget()
    code_digest._learned.cache_clear()

    def note(*call):
        monkeypatch.setattr(code_digest, "atexit_arguments", call, raising=False)

    monkeypatch.setattr(code_digest.atexit, "register", note)


def test_another_start_takes_no_source_apart_again(kept, monkeypatch):
    expected = digest("lethe.unlearn.methods.npo")
    another_start(monkeypatch)
    monkeypatch.setattr(code_digest.ast, "parse", lambda *_, **__: pytest.fail("parsed again"))
    assert digest("lethe.unlearn.methods.npo") == expected


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"maker": "another", "files": {"x": 1}}'])
def test_what_is_kept_is_only_believed_if_this_version_kept_it(kept, damage, monkeypatch):
    expected = digest("lethe.unlearn.methods.npo")
    kept.write_text(damage, encoding="utf-8")
    another_start(monkeypatch)
    assert digest("lethe.unlearn.methods.npo") == expected
