"""profiles/kubernetes: what is asked of a cluster, and a run, against a stand-in for kubectl."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers import patience
from helpers.workflow_folder import ROOT, sources

PROFILE = ROOT / "profiles/kubernetes"
FACTS = "results/smoke/data/world_facts.json"


def manifests(folder: Path) -> list[dict]:
    """The jobs that were submitted, the first first."""
    files = sorted(folder.glob("*.json"), key=lambda file: file.stem[-5:])
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> Path:
    """A folder for what the stand-in is asked; it is found before any real kubectl."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    monkeypatch.setenv("CLUSTER", str(folder))
    first = [str(ROOT / "tests/helpers/kubernetes"), str(Path(sys.executable).parent)]
    monkeypatch.setenv("PATH", os.pathsep.join([*first, os.environ["PATH"]]))
    return folder


def test_a_job_that_fails_is_submitted_again_and_the_results_are_everyones(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.setenv("FAIL_FIRST", "1")
    folder = sources(tmp_path / "folder")
    profile = ["--workflow-profile", "profiles/kubernetes", "--seconds-between-status-checks", "1"]
    outcome = folder.snakemake(FACTS, *profile, "--latency-wait", "5")
    logs = "".join(log.read_text() for log in cluster.glob("*.log"))
    assert outcome.code == 0, outcome.end + logs
    assert (folder / FACTS).exists()
    first, second = (job["spec"]["template"]["spec"] for job in manifests(cluster))
    # A second attempt has twice the time and memory.
    assert (first["activeDeadlineSeconds"], second["activeDeadlineSeconds"]) == (1800, 3600)
    (container,) = second["containers"]
    assert container["workingDir"] == str(folder.path)
    assert container["resources"] == {
        "requests": {"cpu": 1, "memory": "4000Mi"},
        "limits": {"memory": "4000Mi"},
    }
    assert folder.planned(FACTS) == set()


def module():
    spec = importlib.util.spec_from_file_location("submit", PROFILE / "submit.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("kind", ["nvidia", "amd"])
def test_gpus_are_limits_of_their_maker(kind, tmp_path):
    resources = {"runtime": 10, "mem_mb": 3000, "gpu": 2, "gpu_manufacturer": kind}
    about = {"rule": "unlearn_npo", "threads": 4, "resources": resources}
    script = tmp_path / "job.sh"
    script.write_text(f"#!/bin/sh\n# properties = {json.dumps(about)}\necho\n", encoding="utf-8")
    job = module().manifest(script, tmp_path)
    assert job["metadata"]["generateName"] == "lethe-unlearn-npo-"
    container = job["spec"]["template"]["spec"]["containers"][0]
    # Kubernetes takes what is no processor or memory as a limit alone, and requests as much.
    assert container["resources"]["limits"] == {"memory": "3000Mi", f"{kind}.com/gpu": 2}
    assert container["resources"]["requests"] == {"cpu": 4, "memory": "3000Mi"}
    assert container["command"][-1] == str(script)


def test_a_pod_that_has_to_go_lets_its_processes_save(tmp_path):
    """The whole session is the pod: its first process alone is signalled."""
    script = tmp_path / "job.sh"
    # All is in place before it says so; what sleeps would else miss the signal, and hold the pipe.
    saving = 'trap "sleep 1; echo saved; exit 3" TERM; sleep 60 >/dev/null & echo begun; wait $!'
    script.write_text(f"#!/bin/sh\ncd . && sh -c '{saving}' && exit 0 || exit 1\n")
    pod = subprocess.Popen(
        ["/bin/sh", "-c", module().RUN, script],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    assert pod.stdout.readline() == "begun\n"
    pod.terminate()
    patience.wait(pod)
    assert pod.stdout.read() == "saved\n"
    assert pod.returncode == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("echo 'lethe-x '", "running"),
        ("echo 'lethe-x SuccessCriteriaMet Complete'", "success"),
        ("echo 'lethe-x SuccessCriteriaMet'", "running"),
        ("echo 'lethe-x FailureTarget Failed'", "failed"),
        ("true", "failed"),
        ("false", "running"),
    ],
)
def test_states_of_a_job(answer, state, tmp_path):
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    kubectl.chmod(0o755)
    done = subprocess.run(
        [PROFILE / "status.sh", "lethe-x"],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.strip() == state


def test_pods_of_jobs_and_of_snakemake_share_volume_place_image_and_user():
    job = yaml.safe_load((PROFILE / "job.yaml").read_text(encoding="utf-8"))
    documents = list(yaml.safe_load_all((PROFILE / "cluster.yaml").read_text(encoding="utf-8")))
    kinds = {document["kind"]: document for document in documents}
    pods = [job["spec"]["template"]["spec"], kinds["Pod"]["spec"]]
    for pod in pods:
        claims = [v["persistentVolumeClaim"] for v in pod["volumes"] if v["name"] == "lethe"]
        assert claims == [{"claimName": kinds["PersistentVolumeClaim"]["metadata"]["name"]}]
        mounts = {m["name"]: m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}
        assert mounts["lethe"] == "/lethe"
    assert len({pod["containers"][0]["image"] for pod in pods}) == 1
    assert pods[0]["securityContext"] == pods[1]["securityContext"]
    assert pods[1]["serviceAccountName"] == kinds["RoleBinding"]["subjects"][0]["name"]
