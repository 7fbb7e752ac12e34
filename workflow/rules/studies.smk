# Studies of methods on small problems, without world or language model; each is a target, NAME_study.


def study_outputs(name):
    study = studies.contract(name)
    shown = {
        "caption": "../report/exhibit.rst",
        "category": "Studies",
        "labels": {"study": study.title},
    }
    return report_outputs(
        paths.study(study.file), suffixes(studies.STUDIES, name), shown
    )


for _study in studies.names():

    rule:
        name:
            f"{_study}_study"
        output:
            **study_outputs(_study),
        log:
            paths.log("studies", studies.contract(_study).file),
        conda:
            "../../envs/light.yaml"
        params:
            study=_study,
            caption=studies.contract(_study).caption.strip(),
            code=code("study.py", studies.STUDIES.module(_study)),
        script:
            "../scripts/study.py"
