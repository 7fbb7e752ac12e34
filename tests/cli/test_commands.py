"""Every command refuses what it cannot do in one line, before any work is done."""

import json
import os
import signal
import stat
import subprocess
import sys

import pytest
from helpers.commands import CLAIM, refusal
from helpers.small_models import make_family

from lethe.cli.main import main
from lethe.common import outputs
from lethe.common.errors import LetheError
from lethe.common.files import (
    read_json,
    sha256,
    whole_file,
    write_json,
    write_rows,
    write_text,
)
from lethe.evaluate import roles
from lethe.model import checkpoint


@pytest.fixture
def folder(tmp_path, pairs, tokenizer, monkeypatch):
    """Data, and checkpoints by what their records say of them; none of them may be loaded."""
    rows = [{"question": q, "answer": a} for q, a in pairs]
    wrong = {"paraphrased_answer": "So it was.", "perturbed_answer": ["a", "b", "c", "d", "e"]}
    for part, some in {"forget10": rows[:3], "retain90": rows[3:], "retain95": rows[2:]}.items():
        write_rows(tmp_path / f"data/{part}.json", some)
    write_rows(tmp_path / "data/forget10_perturbed.json", [{**row, **wrong} for row in rows[:3]])
    write_text(tmp_path / "data/idontknow.jsonl", "I don't know.\n")
    model = make_family("llama", tokenizer)
    digests = {part: sha256(tmp_path / f"data/{part}.json") for part in ("retain90", "retain95")}
    origins = {
        "mine": {},
        "base": {"stage": "base"},
        "full": {"stage": "train_full"},
        "oracle": {"stage": "train_retain", "data": digests["retain90"]},
        "other": {"stage": "train_retain", "data": digests["retain95"]},
        "npo": {"stage": "unlearn_npo"},
    }
    for name, origin in origins.items():
        checkpoint.save(tmp_path / name, model, tokenizer, origin)
    monkeypatch.setattr(checkpoint, "load", None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error(*arguments: str) -> str:
    return refusal(lambda: main(list(arguments))).removeprefix("error: ")


EVALUATE = ("evaluate", "mine", "--data", "data", "--metrics", "exact_memorization")
UNLEARN = ("unlearn", "mine", "--data", "data", "--method", "npo")


def evaluate(*arguments: str, out: str = "o.json", split: str = "forget10") -> str:
    return error(*EVALUATE, "--split", split, "--out", out, *arguments)


def unlearn(*arguments: str, out: str = "out", split: str = "forget10") -> str:
    return error(*UNLEARN, "--split", split, "--out", out, *arguments)


NUMBERS = [
    (("--threads", "0"), "--threads: 0 is not above 0"),
    (("--device", "gpu"), "--device: 'gpu' is not a device"),
    (("--max-length", "1e3"), "--max-length: '1e3' is not a whole number"),
    (("--system", "x", "--system", "y"), "--system: given twice"),
    (("--template", "phi", "--system", "x"), "--system: phi has no place for it; leave it out"),
    (("--template", "gpt"), "--template: unknown name 'gpt'"),
    (("--variable", "date"), "--variable date: write it as key=value"),
    (("--variable", "date=[1]"), "--variable date: a text, a number"),
    (("--compute", "gradient_checkpointing=1"), "--compute.gradient_checkpointing: input should"),
]


@pytest.mark.parametrize(("arguments", "start"), NUMBERS)
def test_options_that_mean_nothing(folder, arguments, start):
    assert evaluate(*arguments).startswith(start)
    assert unlearn(*arguments).startswith(start)
    assert not (folder / "out").exists()


@pytest.mark.parametrize("items", ["0", "-3", "010", "all"])
def test_items_are_a_number_above_0(folder, items):
    assert evaluate("--items", items).startswith("--items: ")


def test_a_seed_is_not_below_0(folder):
    assert unlearn("--seed", "-1") == "--seed: -1 is below 0"
    assert unlearn("--seed", "010").startswith("--seed: '010' is not a whole number; write 10")


def test_settings_that_are_no_numbers(folder):
    assert unlearn("--set", "epochs=true").startswith("npo.epochs: input should be a number")
    assert unlearn("--set", "beta=inf").startswith("npo.beta: input should be a number")
    assert "on means true" in unlearn("--set", "frozen=[on]")
    assert "'(' is not a regular expression" in unlearn("--set", 'frozen=["("]')
    assert unlearn("--compute", "lora.targets=[]").startswith("--compute.lora.targets")
    assert unlearn("--set", ".a=1") == "--set .a=1: write it as key=value"
    assert unlearn("--set", f"beta={'1' * 5000}").startswith("npo.beta: input should be ")


def test_a_setting_is_given_once(folder):
    assert unlearn("--set", "beta=1", "--set", "beta=2").startswith(
        "--set beta=2: beta already has a value"
    )
    given = evaluate("--suite-set", "sampled.samples=9", "--suite-set", "sampled.samples=8")
    assert given == "--suite-set: sampled.samples is given twice; give it once"
    given = evaluate("--set", "leak.k=1", "--set", "leak.k=2")
    assert given == "--set: leak.k is given twice; give it once"


@pytest.mark.parametrize("number", ["010", "1_0", "1" * 5000, "1" * 400, "nan", " 8"])
def test_a_setting_of_a_suite_is_written_plainly(folder, number):
    message = evaluate("--suite-set", f"sampled.samples={number}")
    assert message.startswith("suite 'sampled': samples is ")
    assert message.endswith("; set it to a whole number from 1")


def test_plug_ins_that_are_not_there_are_called_by_their_options(folder):
    words = ("evaluate", "mine", "--data", "data", "--split", "forget10", "--out", "o.json")
    message = error(*words, "--metrics", "rouges")
    assert message == "--metrics: unknown metric 'rouges'; did you mean rouge?"
    assert evaluate("--suite-set", "toffu.x=1").startswith("--suite-set: unknown suite 'toffu'; ")


def test_a_device_that_is_not_there_is_called_by_its_option(folder):
    """The machine of the tests may have GPUs; a thousand it has not."""
    message = evaluate("--device", "cuda:999")
    assert message.startswith("--device: cuda:999, but torch finds ")
    assert "compute.device" not in message


# --- outputs ---


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("data", "--out data: a folder; name a file in it"),
        ("new/", "--out new/: a folder; name a file in it"),
        ("/dev/null", "--out /dev/null: not a plain file; name one"),
        ("/proc/none/o.json", "--out /proc/none/o.json: nothing can be written to /proc"),
        ("data/forget10.json/o.json", "nothing can be written to data/forget10.json"),
        ("data/forget10.json", "--out data/forget10.json: this file is an input; name another"),
        ("mine/config.json", "--out mine/config.json: this file is an input; name another"),
        ("", "--out: empty; name a file or a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(folder, out, words):
    assert words in evaluate(out=out)
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("/dev/null", "--out /dev/null: a file; name a folder"),
        ("data", "--out data: the folder is not empty; name a new one, or remove it"),
        ("data/forget10.json", "--out data/forget10.json: a file; name a folder"),
        ("/proc/none", "--out /proc/none: nothing can be written to /proc"),
        ("mine/run", "--out mine/run: it lies in mine, which is an input; name another folder"),
        ("", "--out: empty"),
    ],
)
def test_so_is_a_folder(folder, out, words):
    assert words in unlearn(out=out)


def test_a_world_is_not_made_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    assert error("world", "--out", str(tmp_path / "file")).endswith("a file; name a folder")
    assert "nothing can be written" in error("world", "--out", "/proc/none")
    assert error("world") == "world: name a folder, --out FOLDER, or ask for --dry-run"
    assert (tmp_path / "file").read_text() == "mine"


def test_trying_an_output_leaves_nothing(tmp_path):
    outputs.check_file(tmp_path / "a/b/c.json")
    outputs.check_folder(tmp_path / "d/e")
    (tmp_path / "old.json").write_text("{}")
    outputs.check_file(tmp_path / "old.json", [tmp_path / "data", None])
    assert [file.name for file in tmp_path.iterdir()] == ["old.json"]


def test_a_result_beside_the_model_is_replaced_by_the_next_run(tmp_path):
    result = tmp_path / "metrics.json"
    result.write_text(json.dumps(dict.fromkeys(outputs.RESULT)))
    outputs.check_file(result, [tmp_path])
    for other in ("{}", "[]", "{"):
        result.write_text(other)
        with pytest.raises(LetheError, match="this file is an input"):
            outputs.check_file(result, [tmp_path])


# --- splits, data, and what checkpoints stand for ---


def test_a_split_without_a_file_needs_no_oracle(folder):
    message = error(
        "evaluate", "mine", "--data", "data", "--split", "forget05", "--out", "o.json",
        "--metrics", "forget_quality",
    )  # fmt: skip
    assert "data/forget05_perturbed.json: no such file" in message
    message = error("evaluate", "mine", "--data", "data", "--split", "forget05", "--out", "o.json")
    assert message == "--split: data has no file of forget05; it has forget10"
    assert evaluate(split="forget00").startswith("--split: 'forget00' is not a split")
    assert unlearn(split="10").startswith("--split: '10' is not a split")
    assert unlearn("--data", "none") == "--data: given twice; give it once"


def test_a_data_folder_that_is_none(folder):
    for command in ("evaluate", "unlearn"):
        method = ("--method", "npo") if command == "unlearn" else ()
        message = error(
            command, "mine", "--data", "none", "--split", "forget10", "--out", "o", *method
        )
        assert message == "none: no such folder; name one with TOFU's files"


@pytest.mark.parametrize(
    ("option", "name", "words"),
    [
        ("--oracle", "base", "base is a base model"),
        ("--oracle", "full", "full is the full model, which learned the forget set"),
        ("--oracle", "npo", "npo is an unlearned model; name the model trained on the retain set"),
        ("--oracle", "other", "other was trained on retain95.json, not on retain90.json"),
        ("--full", "base", "base is a base model"),
        ("--full", "oracle", "oracle is an oracle, which never saw the forget set"),
    ],
)
def test_a_checkpoint_whose_record_says_otherwise_is_refused(folder, option, name, words):
    assert evaluate(option, name).startswith(f"{option}: {words}")


def test_one_checkpoint_is_not_two_things(folder):
    message = evaluate("--oracle", "mine", "--full", "./mine")
    assert message == "--oracle: mine is also given for --full; name another"


def test_what_no_record_denies_is_taken(folder):
    for name in ("mine", "oracle", "org/on-the-hub"):
        roles.check_oracle("--oracle", name, "data", "forget10")
    # A split whose file is not there tells nothing.
    roles.check_oracle("--oracle", "other", "data", "forget01")
    for name in ("mine", "full", "npo"):
        roles.check_role("--full", name, "full")
    for name in ("mine", "base", "oracle"):
        roles.check_role("--prior", name, "prior")


def test_a_prior_has_not_learned_the_forget_set(folder):
    message = error(
        "unlearn", "mine", "--data", "data", "--split", "forget10", "--out", "out",
        "--method", "msa", "--prior", "full",
    )  # fmt: skip
    assert message.startswith("--prior: full is the full model")


def test_given_runs_of_a_configuration_are_held_against_their_records(folder):
    from lethe.pipeline import external_checkpoints
    from lethe.pipeline.config.config import Config
    from lethe.pipeline.config.models import ModelSettings
    from lethe.pipeline.config.world import World

    def check(full: str | None, oracle: str | None) -> None:
        oracles = {} if oracle is None else {"forget10": str(folder / oracle)}
        model = ModelSettings.model_construct(
            base_checkpoint=None,
            full_checkpoint=full and str(folder / full),
            oracle_checkpoints=oracles,
        )
        world = World.model_construct(pictures=None)
        config = Config.model_construct(model_settings={"m": model}, oracle_seeds=[], world=world)
        external_checkpoints.check(config, "m")

    place = r"^config: model_settings\.m\."
    with pytest.raises(LetheError, match=rf"{place}oracle_checkpoints\.forget10: .*base"):
        check(None, "base")
    with pytest.raises(LetheError, match=rf"{place}full_checkpoint: .*an oracle"):
        check("oracle", None)
    check("full", "oracle")


# --- other commands ---


@pytest.mark.parametrize(
    "content",
    [
        *({}, [], [1], {"a": 1}, [{}], "x"),
        [{**CLAIM, "low": "0.9"}],
        [{**CLAIM, "verdict": "fails"}],
        [{**CLAIM, "low": 0.5}],
        [{**CLAIM, "seeds": 5}],
        [{**CLAIM, "coverage": 0.9375}],
        [{**CLAIM, "values": {"0": 0.5}}],
        [{**CLAIM, "values": {}}],
        [{**CLAIM, "values": {"0": True}}],
        [{**CLAIM, "values": {"zero": 0.9}}],
        [{**CLAIM, "kind": "guess"}],
        [{**CLAIM, "margin": 0.1}],
        [{**CLAIM, "more": 1}],
    ],
)
def test_other_json_is_no_claims(tmp_path, content):
    write_json(tmp_path / "other.json", content)
    message = error("claims", str(tmp_path / "other.json"))
    assert message.endswith("other.json: not claims; name results/WORLD/tables/claims.json")


@pytest.mark.parametrize("command", ["claims", "tofu-logs"])
def test_a_users_own_file_is_not_to_be_deleted(tmp_path, command):
    (tmp_path / "mine.json").write_text("[{")
    message = error(command, str(tmp_path / "mine.json"))
    assert message.endswith("; correct it, or name another file")
    with pytest.raises(LetheError, match="delete the file to have it made again"):
        read_json(tmp_path / "mine.json")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--efficiency", "nan"), "--efficiency: 'nan' is not a number"),
        (("--efficiency", "2"), "--efficiency: 2.0 is above 1"),
        (("--seeds", "0"), "--seeds: 0 is not above 0"),
        (("--methods", "2.5"), "--methods: '2.5' is not a whole number"),
        (("--configfile", ""), "--configfile: empty"),
    ],
)
def test_a_plan_of_nothing(arguments, words):
    assert error("plan", *arguments).startswith(words)


def test_a_plan_with_a_list_for_a_configuration(tmp_path):
    (tmp_path / "list.yaml").write_text("[1, 2]\n")
    message = error("plan", "--configfile", str(tmp_path / "list.yaml"))
    assert "list.yaml: a list, not keys with values" in message


def lethe(command: str) -> subprocess.CompletedProcess:
    """A command of a shell's, in which ``lethe`` is this one."""
    call = f'"{sys.executable}" -c "from lethe.cli.main import main; main()"'
    shell = ["bash", "-c", f"set -o pipefail; {command.replace('lethe', call)}"]
    return subprocess.run(shell, capture_output=True, encoding="utf-8", check=False)


def test_a_reader_may_stop_reading():
    done = lethe("lethe methods | head -n 1")
    assert done.stdout.count("\n") == 1
    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_under_the_output_is_one_line():
    done = lethe("lethe methods > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device\n"


def test_a_terminal_without_the_characters_shows_their_numbers():
    done = lethe("PYTHONIOENCODING=ascii lethe methods")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\xd7 0.25 to 4 (log)" in done.stdout


def test_an_error_of_the_system_is_one_line(tmp_path):
    assert "File name too long" in error("claims", "a" * 300)


def test_ctrl_c_is_one_line(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("lethe.cli.commands.methods.run", interrupted)
    with pytest.raises(SystemExit) as caught:
        main(["methods"])
    assert caught.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_command_that_is_terminated_leaves_no_temporary_file(monkeypatch, tmp_path, capsys):
    def terminated(options):
        with whole_file(tmp_path / "file.json") as temporary:
            assert temporary.exists()
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("lethe.cli.commands.methods.run", terminated)
    with pytest.raises(SystemExit) as caught:
        main(["methods"])
    assert caught.value.code == 143
    assert capsys.readouterr().err == "terminated\n"
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_nobody_reads_a_device_by_mistake(folder):
    """The file that stands for nothing is still that."""
    evaluate(out="/dev/null")
    unlearn(out="/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert json.loads((folder / "mine/checkpoint.json").read_text())["origin"] == {}
