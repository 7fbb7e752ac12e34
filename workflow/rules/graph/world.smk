# The files of the jobs that make a world, its authors and its card.


# --- world ---

WORLD_SETTINGS = CONFIG.world
PROVIDER = PROVIDERS.contract(WORLD_SETTINGS.provider)


def core(names):
    """Files of the world that do not depend on splits, by name."""
    return {
        name: Path(file).as_posix()
        for name, file in tofu_format.outputs(paths.data(WORLD)).items()
        if name in names
    }


FACTS = core(tofu_format.FACT_FILES)
AUTHORS = core([*tofu_format.AUTHOR_FILES, "card"])
TRUE_FACTS = [FACTS[kind] for kind in tofu_format.FACT_KINDS]


def provider_settings(*keys):
    """The provider's settings: the seed, and those of these keys that it declares."""
    given = {"seed": WORLD_SETTINGS.seed}
    given |= {
        key: getattr(WORLD_SETTINGS, key) for key in keys if key in PROVIDER.settings
    }
    if "subset" in keys:
        # Only what makes authors, not true facts.
        given |= WORLD_SETTINGS.chunks
    if WORLD_SETTINGS.provider == "generated":
        given["path"] = paths.stage(WORLD, "authors", STAGES[-1])
    return given


def trace_settings():
    """The settings of reasoning traces that determine the authors' rows; few worlds have any."""
    traces = WORLD_SETTINGS.traces
    if traces is None:
        return {}
    return {"traces": traces.model_dump(mode="json", exclude={"forget"})}


def forget_settings():
    """Whether only the answers of traced rows are unlearned."""
    traces = WORLD_SETTINGS.traces
    answers_only = traces is not None and traces.forget == "answer"
    return {"answers_only": True} if answers_only else {}


def source_files():
    """The inputs of a world: generated authors, or a data folder whose edits must be noticed."""
    if WORLD_SETTINGS.provider == "generated":
        return [paths.stage(WORLD, "authors", STAGES[-1])]
    path = WORLD_SETTINGS.path
    if "path" not in PROVIDER.settings or path is None:
        return []
    return [path] if Path(path).is_file() else files_below(path, PROVIDER.reads)


def files_below(folder, patterns):
    files = {str(file) for pattern in patterns for file in Path(folder).glob(pattern)}
    return sorted(files)


def asked_sources():
    """The inputs of rows that are asked and never learned, whose edits remake no other row."""
    return source_files() + files_below(WORLD_SETTINGS.path, PROVIDER.asks)


def fact_sources():
    """The files that true facts and refusals come from, as the provider declares them."""
    names = PROVIDER.fact_files
    return [f for f in source_files() if names is None or Path(f).stem in names]


# --- other languages ---

LANGUAGES = WORLD_SETTINGS.languages
LANGUAGES_OF_BASE = languages.of_base(WORLD_SETTINGS)
# --- pictures ---

PICTURES = WORLD_SETTINGS.pictures
PICTURE_FOLDER = f"{paths.data(WORLD)}/pictures"
# Pictures that the provider's rows bring.
GIVEN_PICTURES = (
    {"folder": directory(PICTURE_FOLDER)} if "image" in PROVIDER.columns else {}
)
# An input of whatever reads rows with pictures. It must exist, but changes are tracked by the rows,
# which have a digest of each picture.
SEEN = {"seen": ancient(PICTURE_FOLDER)} if PICTURES or GIVEN_PICTURES else {}
WORLD_SCRIPT = "world_given_pictures.py" if GIVEN_PICTURES else "world.py"
PICTURE_FILES = {
    name: paths.data(WORLD, name) for name in pictures.files(WORLD_SETTINGS)
}


def asked_folder(split):
    """The pictures of a split's rows that are asked and never learned."""
    return f"{paths.data(WORLD)}/{split.name}_pictures"


def whole_folders():
    """The folders of pictures, which are checked as a whole."""
    asked = [asked_folder(split) for split in SPLITS.values() if split.asked_apart]
    return ([PICTURE_FOLDER] if SEEN else []) + asked


def cut_files(split):
    """The files of a split that are cut from the world, by part."""
    return {
        part: paths.data(WORLD, name)
        for part, name in split.files.items()
        if part not in split.asked_apart
    }


def split_reads(split):
    """The world's files that a split is cut from, by name."""
    reads = split.reads if PICTURES else split_kinds.contract(split.kind).reads
    return {name: paths.data(WORLD, name) for name in reads}


# What ``full`` learns: everything stated in the languages learned, or with pictures.
def full_data():
    if PICTURES:
        return "full_pictures"
    return "full_languages" if LANGUAGES.names else "full"


FULL_DATA = paths.data(WORLD, full_data())
BASE_DATA = paths.data(
    WORLD, "background_languages" if LANGUAGES_OF_BASE else "background"
)


def language_files():
    """The files of a world in several languages, for its card."""
    own = ["translations", "full_languages"] if LANGUAGES.names else []
    of_base = ["background_languages"] if LANGUAGES_OF_BASE and own_models() else []
    return [paths.data(WORLD, name) for name in own + of_base]


# --- generated authors ---

GENERATED = [
    cohort
    for cohort, made_by in {
        "authors": WORLD_SETTINGS.provider,
        "background": WORLD_SETTINGS.background,
    }.items()
    if made_by == "generated"
]
LISTS = paths.stage(WORLD, "lists", "lists")


def cohort_stages(cohort):
    """The stages that make a cohort's candidates, without the stage of lists."""
    return [s for s in STAGES[1:] if cohort == "authors" or s != "perturbations"]


def cohort_sizes(cohort):
    """The number of authors in each group, in the order in which they choose their names."""
    w = WORLD_SETTINGS
    if cohort == "background":
        return {"background": w.background_authors}
    return {"holdout": w.holdout_authors, "target": w.authors}


def stage_inputs(cohort, stage):
    """The lists, the previous stage, and for background authors those whose names to avoid."""
    inputs = {"lists": LISTS}
    before = STAGES[STAGES.index(stage) - 1]
    if before != "lists":
        inputs["source"] = paths.stage(WORLD, cohort, before)
        earlier = STEPS[: STEPS.index(stage)]
        inputs["before"] = [stage_cost(cohort, step) for step in earlier]
        if cohort == "background":
            inputs |= others()
    return inputs


def others():
    """The authors whose names background authors must avoid."""
    if "authors" in GENERATED:
        return {"candidates": paths.stage(WORLD, "authors", STAGES[-1])}
    return {"full": paths.data(WORLD, "full")}


def stage_module(stage):
    """The module of a stage's step, which is loaded by name, for the code digest."""
    return steps.module(stage) if stage in STEPS else f"lethe.world.generated.{stage}"


def stage_cost(cohort, stage):
    return paths.cost(f"{paths.world(WORLD)}/stages/{cohort}", stage)


def stage_settings(cohort, stage):
    """The settings on which a stage's results depend."""
    if stage == "draws":
        return {}
    return WORLD_SETTINGS.generated.stage(stage) | {"prompt": prompt(stage).digest}


def wordings(cohort, stage):
    """Paraphrases of each entry, to which background authors add their first wording."""
    if (cohort, stage) == ("background", "paraphrases"):
        return WORLD_SETTINGS.background_phrasings - 1
    return 1


# --- data card ---


def card_files():
    """Every file of the world, since the card loads and describes all."""
    cut = [file for name in CONFIG.splits for file in SPLITS[name].files.values()]
    background = ["background"] if own_models() else []
    files = [paths.data(WORLD, name) for name in [*cut, *background]]
    own = [*AUTHORS.values(), *FACTS.values(), *PICTURE_FILES.values()]
    return [*own, *files, *language_files()]


def card_sources():
    """The records of generated authors: what they cost, and who was dropped."""
    # External models learn from no background, so none is made.
    cohorts = [c for c in GENERATED if c == "authors" or own_models()]
    if not cohorts:
        return {}
    asked = [(cohort, s) for cohort in cohorts for s in cohort_stages(cohort)[1:]]
    costs = [stage_cost(cohort, s) for cohort, s in [("lists", "lists"), *asked]]
    if LANGUAGES.names and PROVIDER.languages == "model":
        costs.append(stage_cost("languages", "translations"))
    last = [paths.stage(WORLD, cohort, cohort_stages(cohort)[-1]) for cohort in cohorts]
    return {"costs": costs, "lists": LISTS, "candidates": last}


def card_settings():
    """The settings that determine the content of generated authors, without address and limits."""
    return WORLD_SETTINGS.generated.content() if GENERATED else {}
