import subprocess
import sys

import pytest
from helpers import (
    made_dusk,
    made_edu_relat,
    made_knowundo,
    made_lume,
    made_mcq,
    made_muse,
    made_rwku,
)

from lethe.common.errors import LetheError
from lethe.world import split
from lethe.world.provider import PROVIDERS, names, provider
from lethe.world.tofu_format import FACT_FILES

BENCHMARKS = ("dusk", "edu_relat", "knowundo", "lume", "mcq", "muse", "rwku")


def test_lists_the_providers():
    assert set(names()) >= {"generated", "synthetic", "tofu"}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "nowhere",
            {},
            r"world: unknown provider 'nowhere'; there are clear, .*families, generated, .*lume, ",
        ),
        ("schema", {}, "unknown provider 'schema'"),
        ("base", {}, "unknown provider 'base'"),
        ("../tofu", {}, "unknown provider"),
        ("synthetic", {"sed": 1}, "unexpected keyword argument 'sed'; its settings are seed"),
        ("tofu", {"folder": "x"}, "its settings are path, seed"),
    ],
)
def test_bad_provider(name, settings, message):
    with pytest.raises(LetheError, match=message) as caught:
        provider(name, **settings)
    assert "\n" not in str(caught.value)


def test_providers_say_what_their_facts_come_from():
    declared = {name: PROVIDERS.contract(name).fact_files for name in names()}
    assert declared["tofu"] == (*FACT_FILES, "idk")
    assert declared["generated"] == ()


def test_providers_say_whose_holdout_and_names_they_have():
    declared = {name: PROVIDERS.contract(name) for name in ("generated", "synthetic", "tofu")}
    assert [name for name, made in declared.items() if made.own_holdout] == ["tofu"]
    assert [name for name, made in declared.items() if made.avoids_background] == ["synthetic"]


def test_a_provider_imports_neither_its_peers_nor_heavy_libraries():
    code = (
        "import sys; from lethe.world.provider import provider; provider('synthetic').authors(1);"
        "print([m for m in ('lethe.world.providers.tofu', 'datasets', 'torch', 'numpy', 'pandas')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("edu_relat", made_edu_relat),
        ("dusk", made_dusk),
        ("knowundo", made_knowundo),
        ("lume", made_lume),
        ("mcq", made_mcq),
        ("muse", made_muse),
        ("rwku", made_rwku),
    ],
)
def test_every_file_that_is_read_makes_the_world_again(name, made, tmp_path):
    """What is not among ``READS`` could be edited without a word."""
    made.write(tmp_path)
    files = {file for file in tmp_path.rglob("*") if file.is_file()}
    patterns = PROVIDERS.contract(name).reads
    assert files
    assert {file for pattern in patterns for file in tmp_path.glob(pattern)} == files


def test_a_benchmark_in_a_form_of_its_own_names_its_kind_of_split():
    kinds = {name: PROVIDERS.contract(name).split_kind for name in PROVIDERS.names()}
    assert {kinds[name] for name in BENCHMARKS} <= set(split.KINDS.names())
    assert kinds["synthetic"] == "published"
