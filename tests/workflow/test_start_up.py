"""What a job loads before it begins: a job without a model must not wait for torch."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
HEAVY = {"torch", "transformers", "datasets", "accelerate"}
# Of the light jobs the most frequent one, which reads records and writes numbers.
NOTICEABLE = {"numpy", "pandas", "scipy", "matplotlib", "openai", "rouge_score"}
# Scripts that a function of the rules chooses.
CHOSEN = {"{unlearn_script()}": {"unlearn.py", "unlearn_in_run.py", "unlearn_best.py"}}


def scripts_of(environment: str) -> list[str]:
    """Scripts of the rules that run in an environment of ``envs/``."""
    found = set()
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^\s*rule\b", file.read_text(), flags=re.M)[1:]:
            script = re.search(r'"\.\./scripts/(\w+\.py|{unlearn_script\(\)})"', rule)
            if script and f"envs/{environment}.yaml" in rule:
                found |= CHOSEN.get(script[1], {script[1]})
    return sorted(found)


def loaded(scripts: list[str]) -> dict[str, set[str]]:
    """By script: the packages in memory after its imports and those of the scripts before it."""
    lines = ["import json, sys", f"sys.path.insert(0, {str(SCRIPTS)!r})"]
    for script in scripts:
        tree = ast.parse((SCRIPTS / script).read_text())
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        lines.append(ast.unparse(ast.Module(imports, [])))
        lines.append("print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))")
    code = "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = [set(json.loads(line)) for line in done.stdout.splitlines()]
    return dict(zip(scripts, found, strict=True))


def test_the_rules_name_their_scripts():
    assert {"score.py", "table.py", "figure.py"} <= set(scripts_of("light"))
    assert {"collect.py", "train.py", "unlearn.py"} <= set(scripts_of("torch"))
    assert "torch" in loaded(["train.py"])["train.py"]


def test_a_job_without_a_model_loads_no_torch():
    found = loaded(scripts_of("light"))
    assert {script: some & HEAVY for script, some in found.items() if some & HEAVY} == {}


def test_scoring_loads_what_its_metric_asks_for_alone():
    assert not loaded(["score.py"])["score.py"] & NOTICEABLE


def test_deterministic_kernels_load_no_compiler():
    code = (
        "import sys, torch; from lethe.common.torch_setup import set_up; set_up(1)\n"
        "print(torch.are_deterministic_algorithms_enabled(),"
        " torch.is_deterministic_algorithms_warn_only_enabled(), 'torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "False"]
