# Which models descend from what is to be forgotten: from the records of checkpoints alone.


rule lineage:
    input:
        unpack(lineage_files),
    output:
        paths.lineage(WORLD, "{model}", "{split}", "{seed}"),
    log:
        paths.log(WORLD, "{model}", "{split}", "lineage", "seed{seed}"),
    conda:
        "../../envs/light.yaml"
    params:
        models=lineage_models,
        certified=certified_checkpoints,
        certificates=CONFIG.lineage.certificates,
        code=code("lineage.py", *map(attack.ATTACKS.module, lineage_attacks())),
    script:
        "../scripts/lineage.py"
