# Which files belong to the jobs that make a world, its authors and its card.


# --- world ---

WORLD_SETTINGS = CONFIG.world


def core(names):
    """Files of the world that no split changes, by name."""
    return {
        name: Path(file).as_posix()
        for name, file in tofu_format.outputs(paths.data(WORLD)).items()
        if name in names
    }


FACTS = core(tofu_format.FACT_FILES)
AUTHORS = core([*tofu_format.AUTHOR_FILES, "card"])
TRUE_FACTS = [FACTS[kind] for kind in tofu_format.FACT_KINDS]


def provider_settings(*keys):
    """What the provider is told: the seed, and of these keys those that it declares."""
    given = {"seed": WORLD_SETTINGS.seed}
    declared = PROVIDERS.contract(WORLD_SETTINGS.provider).settings
    given |= {key: getattr(WORLD_SETTINGS, key) for key in keys if key in declared}
    if WORLD_SETTINGS.provider == "generated":
        given["path"] = paths.stage(WORLD, "authors", STAGES[-1])
    return given


def source_files():
    """What a world is read from: generated authors, or data whose edits must be seen."""
    if WORLD_SETTINGS.provider == "generated":
        return [paths.stage(WORLD, "authors", STAGES[-1])]
    path, declared = WORLD_SETTINGS.path, PROVIDERS.contract(WORLD_SETTINGS.provider)
    if "path" not in declared.settings or path is None:
        return []
    if Path(path).is_file():
        return [path]
    return sorted(str(file) for file in Path(path).glob("*.json*"))


def fact_sources():
    """The data that true facts and refusals are read from: of TOFU's folder a few files."""
    if WORLD_SETTINGS.provider == "generated":
        return []
    if WORLD_SETTINGS.provider != "tofu":
        return source_files()
    names = (*tofu_format.FACT_FILES, "idk")
    return [file for file in source_files() if Path(file).stem in names]


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
    """The stages that make a cohort's candidates, the lists apart."""
    return [s for s in STAGES[1:] if cohort == "authors" or s != "perturbations"]


def cohort_sizes(cohort):
    """How many authors of each group, in the order in which they choose their names."""
    w = WORLD_SETTINGS
    if cohort == "background":
        return {"background": w.background_authors}
    return {"holdout": w.holdout_authors, "target": w.authors}


def stage_inputs(cohort, stage):
    """The lists, the stage before, and for background authors those whose names they must avoid."""
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
    """The authors whose names background authors must not have."""
    if "authors" in GENERATED:
        return {"candidates": paths.stage(WORLD, "authors", STAGES[-1])}
    return {"full": paths.data(WORLD, "full")}


def stage_module(stage):
    """Where the code of a stage is, for digests; a step is found by its name."""
    return steps.module(stage) if stage in STEPS else f"lethe.world.generated.{stage}"


def stage_cost(cohort, stage):
    return paths.cost(f"{paths.world(WORLD)}/stages/{cohort}", stage)


def stage_settings(cohort, stage):
    """The settings on which a stage's results depend."""
    if stage == "draws":
        return {}
    return WORLD_SETTINGS.generated.stage(stage) | {"prompt": prompt(stage).digest}


def wordings(cohort, stage):
    """Paraphrases of each entry: background authors have their first wording besides."""
    if (cohort, stage) == ("background", "paraphrases"):
        return WORLD_SETTINGS.background_phrasings - 1
    return 1


# --- data card ---


def card_files():
    """Every file of the world: the card tells of all, and loads all."""
    cut = [name for split in SPLITS.values() for name in split.files.values()]
    background = ["background"] if own_models() else []
    files = [paths.data(WORLD, name) for name in [*cut, *background]]
    return [*AUTHORS.values(), *FACTS.values(), *files]


def card_sources():
    """What generated authors took, and who was dropped."""
    # Given models learn from no background, so none is made.
    cohorts = [c for c in GENERATED if c == "authors" or own_models()]
    if not cohorts:
        return {}
    asked = [(cohort, s) for cohort in cohorts for s in cohort_stages(cohort)[1:]]
    costs = [stage_cost(cohort, s) for cohort, s in [("lists", "lists"), *asked]]
    last = [paths.stage(WORLD, cohort, cohort_stages(cohort)[-1]) for cohort in cohorts]
    return {"costs": costs, "lists": LISTS, "candidates": last}


def card_settings():
    """What decided the content of generated authors; no address and no limit."""
    return WORLD_SETTINGS.generated.content() if GENERATED else {}
