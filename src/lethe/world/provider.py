"""Providers: where the authors of a world and the true facts beside them come from.

A provider is a module of ``lethe.world.providers`` with a class ``Provider``, whose methods
``lethe.world.schema`` describes. It is looked up by its file's name, so a new one needs no entry in
any list. Literal constants say which keys of the configuration's ``world`` it gets besides the
seed, and from which files at ``path`` true facts and refusals come:

    SETTINGS = ("path",)            "path", "subset"
    FACT_FILES = ("real_authors",)  their names without suffix; () for none, by default all
    OWN_HOLDOUT = True              it brings as many holdout authors as its data have
    AVOIDS_BACKGROUND = True        its names are never those of Lethe's own background authors
    LANGUAGES = "rule"              who states its facts in other languages: the rules of
                                    ``lethe.world.languages.by_rule``, a language model ("model"),
                                    or a file translations.json at ``path`` ("file"); by default
                                    nobody
    TRACES = ("made",)              where reasoning traces may come from (``lethe.world.traces``):
                                    "made" of paraphrases, which all its authors have, or the column
                                    "cot"; none by default
    COLUMNS = ("id", "task")        what its rows have beside question and answer: a benchmark in a
                                    form of its own, without paraphrases and wrong answers
    SPLIT_KIND = "published"        of such a benchmark: the kind of its splits
    PLAIN_TEXT = True               it asks how texts go on, so they are learned as plain texts
    READS = ("*.json*",)            patterns of the files that it reads below ``path``, whose edits
                                    make the world again
    ASKS = ("ppu_eval*.parquet",)   patterns of files below ``path`` with questions that models are
                                    asked and never learn; its method ``asked`` makes rows of them
    LIKE = "synthetic"              its true facts and background are that provider's, so that a
                                    base made for that one serves it as well
"""

import inspect
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.common.registry import Registry, suggest
from lethe.world import schema

KEYS = ("path", "subset", "holdout_authors")
TRANSLATORS = ("rule", "model", "file")


@dataclass(frozen=True)
class Contract:
    """What a provider declares."""

    settings: tuple[str, ...] = ()
    fact_files: tuple[str, ...] | None = None
    own_holdout: bool = False
    avoids_background: bool = False
    languages: str = ""
    traces: tuple[str, ...] = ()
    like: str = ""
    columns: tuple[str, ...] = ()
    split_kind: str = "published"
    plain_text: bool = False
    reads: tuple[str, ...] = ("*.json*",)
    asks: tuple[str, ...] = ()

    def __post_init__(self):
        if self.languages not in ("", *TRANSLATORS):
            unknown = suggest(self.languages, TRANSLATORS)
            raise LetheError(f"LANGUAGES: unknown {self.languages!r}{unknown}")
        for key in self.settings:
            if key not in KEYS:
                raise LetheError(f"SETTINGS: unknown key {key!r}{suggest(key, KEYS)}")


PROVIDERS = Registry("lethe.world.providers", "provider", Contract)
names = PROVIDERS.names


def provider(name: str, **settings) -> schema.Provider:
    """The provider called ``name``, made with ``settings``; no other provider is imported.

    Raises:
        LetheError: there is no such provider, or it does not take these settings.
    """
    factory = PROVIDERS.load(name, "world").Provider
    try:
        inspect.signature(factory).bind(**settings)
    except TypeError as error:
        takes = ", ".join(inspect.signature(factory).parameters)
        raise LetheError(f"world {name!r}: {error}; its settings are {takes}") from None
    return factory(**settings)
