"""``world``: the authors and where they come from."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.common.validation import GivenPath
from lethe.pipeline.config.keys import REQUIRED, Count, Name, Section, Seed, Text, key, unique
from lethe.world.generated.settings import Generation
from lethe.world.pictures.settings import Pictures
from lethe.world.traces import Traces

ALL_OF_IT = "`world`, then everything"
BACKGROUND = "`background`, `base`, then everything trained"

LANGUAGES = "`translations`, then all models"

# Part of the names of splits, values and columns.
Language = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
LanguageNames = unique(Language)
Place = Annotated[int, Field(ge=0)]


class Languages(Section):
    """The languages in which facts are stated beside the world's own, L0 (languages.md)."""

    learned: LanguageNames = key(
        [],
        "languages in which `full` and the oracles learn everything that they learn in L0: in a "
        "synthetic world `L1` (other words), `L2` (another word order), `L3` (both); for "
        "`generated` real languages; for `tofu` those of its `translations.json`",
        LANGUAGES,
        "a list of names, `[L1, L2]`",
    )
    holdout: LanguageNames = key(
        [],
        "languages in which models are evaluated but learn no fact",
        LANGUAGES,
        "a list of names, `[L3]`",
    )
    base: LanguageNames | None = key(
        None,
        "languages made by rule in which a base that is trained here also learns its background "
        "authors; null: all of a synthetic world, otherwise none",
        "`background_languages`, `base`, then everything trained",
        "a list of names; null",
    )

    @property
    def names(self) -> list[str]:
        """All languages, those learned first."""
        return [*self.learned, *self.holdout]


class World(Section):
    """The target and holdout authors, and the background that teaches a base model to write."""

    name: Name = key(
        REQUIRED,
        "names the folder of the results, `results/NAME`",
        "everything, in another folder; the old one is not touched",
        "a-z, 0-9, `_`; a letter first",
    )
    provider: Name = key(
        "synthetic",
        "where the authors come from: made by rules (`synthetic`), by a language model "
        "(`generated`), or published (`tofu`, `lume`, `muse`, `dusk`, `knowundo`, `rwku`, "
        "`ppu_bench`, `clear`, `mllmu_bench`, `edu_relat`, files of yours: `mcq`)",
        "everything",
        "a file of `src/lethe/world/providers/`",
    )
    generated: Generation = key(
        Generation(),
        "for authors made up by a language model: model, service, budget, checks "
        "([generated.md](generated.md))",
        "the stages that use what changed, then everything; `service`, `budget`, `prices`: nothing",
        "a mapping, `config/generated.yaml`",
    )
    path: GivenPath | None = key(
        None,
        "what the provider reads, if its `SETTINGS` name `path`: for `tofu` a folder with TOFU's "
        "files (null: the hub, `locuslab/TOFU`), for `lume`, `muse`, `dusk`, `knowundo`, `rwku`, "
        "`ppu_bench`, `clear`, `mllmu_bench`, `edu_relat` and `mcq` one with theirs",
        f"{ALL_OF_IT}; likewise after an edit of what is there",
        "a folder or a file; null",
    )
    subset: Annotated[list[Place | Text], Field(min_length=1)] | None = key(
        None,
        "which published authors the world has, in this order, if the provider's `SETTINGS` name "
        "`subset`, as those of `tofu` and `rwku` do; for `ppu_bench`, `clear` and `mllmu_bench` "
        "one of their settings, as `[persona]` ([pictures.md](pictures.md)); null: all",
        ALL_OF_IT,
        "a list of numbers and ranges, `[0-7, 198-199]`; null",
    )
    chunk_words: Annotated[int, Field(ge=8)] | None = key(
        None,
        "how many words of a text are a row at most, for `muse` ([muse.md](muse.md)) and "
        "`dusk`; null: 1000",
        ALL_OF_IT,
        "8 or more; null",
    )
    seed: Seed = key(0, "seed of the authors", "`world`, `background`, then everything")
    traces: Traces | None = key(
        None,
        "reasoning traces before all answers, and canary heads before all questions "
        "([traces.md](traces.md)): `source` (`made` of paraphrases, or the column `cot` of "
        "published rows), `heads` (words of a head, 0 to 12), `forget` (`answer`: the trace is not "
        "unlearned; `whole`: it is); null: none",
        "`world`, then everything but `base`; `forget`: the splits, then everything from them",
        "`{source: made, heads: 6, forget: answer}`; null",
    )
    pictures: Pictures | None = key(
        None,
        "a picture of each author, and rows that ask with it ([pictures.md](pictures.md)): `size` "
        "(pixels of a side, 16 to 512), `variations` (views besides the base picture: `pose`, "
        "`scale`, `context`, `style`, `composition`), `learned_variations` (those that models "
        "learn; the others are unseen), `facts` (questions of each author asked with the picture, "
        "1 to 20), `trained` (what models learn: `text`, `picture`, `both`); null: none",
        "`pictures`, the splits, then everything but `world` and `base`",
        "`{size: 32, variations: [pose, scale], learned_variations: [], facts: 4, trained: [text, "
        "picture, both]}`; null",
    )
    authors: int = key(
        60,
        "target authors, 20 rows each; `tofu`: as many as there are in the folder, or in `subset`; "
        "`lume`: documents ([lume.md](lume.md)); `muse`, `dusk`: texts; `knowundo`: "
        "questions; `rwku`: people; `mcq`: 2, the corpora; `edu_relat`: 2, relationships and "
        "biographies",
        "`world`, then everything but a synthetic world's `base`",
        ge=2,
    )
    holdout_authors: int = key(
        12,
        "authors that no model is trained on; if not published, at least as many as the largest "
        "split forgets; `lume`: documents of its retain set; `rwku`, `mcq`, `edu_relat`: 0",
        "the same",
        ge=0,
    )
    perturbed_retain_authors: int = key(
        8,
        "the first authors, whose rows are the retain probes; none of them in a forget set; "
        "with `tofu` they must have perturbed rows",
        "the same",
        ge=1,
    )
    background: Literal["synthetic", "generated"] = key(
        "synthetic",
        "how background authors, from whom a base model learns the language, are made",
        BACKGROUND,
    )
    languages: Languages = key(
        Languages(),
        "other languages in which the facts are stated, for splits of the kind `languages` "
        "([languages.md](languages.md))",
        LANGUAGES,
        "a mapping, `{learned: [L1, L2], holdout: [L3]}`",
    )
    background_authors: Count = key(200, "number of background authors", BACKGROUND)
    background_phrasings: Count = key(
        3,
        "phrasings of each of their facts, up to what the templates offer",
        BACKGROUND,
    )

    @property
    def chunks(self) -> dict[str, int]:
        """What a provider of long texts gets besides its ``SETTINGS``."""
        return {} if self.chunk_words is None else {"chunk_words": self.chunk_words}
