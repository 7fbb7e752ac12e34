# Studies of methods on small problems, without world and language model; each is a target by its name.


rule npo_study:
    output:
        csv=paths.study("npo_divergence.csv"),
        pdf=paths.study("npo_divergence.pdf"),
        png=report(
            paths.study("npo_divergence.png"),
            caption="../report/npo_study.rst",
            category="Studies",
            labels={"study": "NPO: divergence"},
        ),
    log:
        paths.log("studies", "npo_divergence"),
    conda:
        "../../envs/light.yaml"
    params:
        code=code("npo_study.py"),
    script:
        "../scripts/npo_study.py"
