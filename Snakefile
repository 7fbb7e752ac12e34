# Lethe: from fictitious authors to the figures of machine unlearning.
# Each stage has its file in workflow/rules; src/lethe/common/paths.py owns every path.

import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")
# In a checkout the library lies beside this file; elsewhere it is the installed one.
sys.path.insert(0, str(Path(str(workflow.current_basedir)) / "src"))


include: "workflow/rules/module.smk"


# Read from beside this file, wherever Snakemake is started; results go to the working folder.
configfile: os.path.relpath(ROOT / "config/config.yaml")


include: "workflow/rules/common.smk"
include: "workflow/rules/lock.smk"
include: "workflow/rules/ending.smk"
include: "workflow/rules/screen.smk"
include: "workflow/rules/forks.smk"
include: "workflow/rules/graph/world.smk"
include: "workflow/rules/graph/models.smk"
include: "workflow/rules/graph/resources.smk"
include: "workflow/rules/graph/slurm.smk"
include: "workflow/rules/graph/requests.smk"
include: "workflow/rules/graph/supervision.smk"
include: "workflow/rules/graph/unlearn.smk"
include: "workflow/rules/graph/evaluate.smk"
include: "workflow/rules/graph/search.smk"
include: "workflow/rules/graph/defences.smk"
include: "workflow/rules/graph/harness.smk"
include: "workflow/rules/graph/report.smk"
include: "workflow/rules/graph/lineage.smk"
include: "workflow/rules/graph/meta_evaluation.smk"
include: "workflow/rules/graph/audit.smk"
include: "workflow/rules/graph/page.smk"
include: "workflow/rules/world.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/recipe.smk"
include: "workflow/rules/supervision.smk"
include: "workflow/rules/unlearn.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/best_epoch.smk"
include: "workflow/rules/states.smk"
include: "workflow/rules/lineage.smk"
include: "workflow/rules/interpolation.smk"
include: "workflow/rules/harness.smk"
include: "workflow/rules/defences.smk"
include: "workflow/rules/meta_evaluation.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/requests.smk"
include: "workflow/rules/page.smk"
include: "workflow/rules/graph/paper.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/studies.smk"


report: "workflow/report/workflow.rst"


wildcard_constraints:
    model="[a-z][a-z0-9_]*",
    split=one_of(SPLITS),
    run="[a-z][a-z0-9_]*",
    seed="[0-9]+",
    state="[a-z][a-z0-9_]*",
    metric="[a-z_]+",
    suite="[a-z_]+",
    figure="[a-z_]+",
    table="[a-z_]+",


rule all:
    default_target: True
    input:
        figure_files(),
        table_files(),
        paths.card(WORLD),
        paths.table(WORLD, "claims.json"),
        PAGE,
        snapshot_files(),
        best_files(),
        audit_files(),
        sequence_targets(),
    localrule: True


include: "workflow/rules/resources.smk"
include: "workflow/rules/provenance.smk"


if IMPORTED:
    tell_jobs()


onstart:
    # Again, because Snakemake's scheduler has installed its own handlers by now.
    if not IMPORTED:
        ending.listen()
    for words in words_about_bases():
        print(words, file=sys.stderr)
    check_resources()
    check_hub()
    check_room()
    submit_without_account()
    watch_slurm()
    start_at_once()
    preload()


onsuccess:
    disk.sweep(WORLD)
    show_page()
    print(closing_words())
