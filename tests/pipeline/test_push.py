"""What is sent to the hub, to whom it is shown, and what is refused before anything is sent."""

import json
from pathlib import Path

import huggingface_hub
import pytest
from datasets import Dataset, Image
from huggingface_hub.errors import RepositoryNotFoundError

from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.pipeline.ledger import staged
from lethe.pipeline.push import push

RUN = "results/w/tiny/forget10/npo/seed0"


class Hub:
    """A hub that remembers: repositories by name, whether they are private, and their files."""

    private: dict[str, bool]
    sent: list[tuple]

    def repo_info(self, repo_id, repo_type):
        if (repo_type, repo_id) not in Hub.private:
            # Its constructor wants an answer of the hub.
            raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)
        return type("Info", (), {"private": Hub.private[repo_type, repo_id]})

    def create_repo(self, repo_id, repo_type, private):
        Hub.private[repo_type, repo_id] = private

    def upload_folder(self, *, repo_id, repo_type, folder_path, allow_patterns, commit_message):
        Hub.sent.append((repo_id, allow_patterns))

    def upload_file(self, *, path_or_fileobj, path_in_repo, **where):
        Hub.sent.append((where["repo_id"], [path_in_repo], path_or_fileobj.decode()))


@pytest.fixture(autouse=True)
def hub(monkeypatch, tmp_path):
    Hub.private, Hub.sent = {}, []
    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "a token")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.chdir(tmp_path)
    return Hub


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    names = ("config.json", "model.safetensors")
    for name in names:
        (folder / name).write_text(f"{name}\n")
    files = {name: sha256(folder / name) for name in names}
    (folder / "checkpoint.json").write_text(json.dumps({"files": files, "origin": {}}))
    (folder / "README.md").write_text("# A card\n")
    (folder / "notes.txt").write_text("mine\n")
    return folder


def make(*names: str) -> None:
    with staged(names[0]) as stage:
        for name in names:
            stage(name).write_text(f"{name}\n")


def test_a_checkpoint_goes_to_a_private_model(checkpoint, hub):
    assert push(checkpoint, "lab/npo") == "https://huggingface.co/lab/npo"
    assert hub.private == {("model", "lab/npo"): True}
    files = ["README.md", "checkpoint.json", "config.json", "model.safetensors"]
    assert hub.sent == [("lab/npo", files)]


def test_public_is_asked_for(checkpoint, hub):
    push(checkpoint, "lab/npo", public=True)
    assert hub.private == {("model", "lab/npo"): False}
    with pytest.raises(LetheError, match="it is public; add --public"):
        push(checkpoint, "lab/npo")
    assert len(hub.sent) == 1


def test_a_world_and_a_run_are_data_sets(hub):
    make("results/w/data/full.json", "results/w/data/README.md")
    make(f"{RUN}/records/tofu.parquet", f"{RUN}/metrics/rouge.json", f"{RUN}/cost/unlearn.json")
    assert push("results/w/data", "lab/world") == "https://huggingface.co/datasets/lab/world"
    push(RUN, "lab/npo-records")
    world, card, records = hub.sent
    assert world == ("lab/world", ["README.md", "full.json"])
    assert card[:2] == ("lab/npo-records", ["README.md"])
    assert "# Records of tiny/forget10/npo/seed0" in card[2]
    assert records == ("lab/npo-records", ["metrics/rouge.json", "records/tofu.parquet"])


def test_a_world_with_pictures_has_them_in_its_rows(hub, monkeypatch):
    from world.pictures.conftest import make as make_pictures

    sent = {}

    def read(self, *, folder_path, **given):
        files = [file for file in Path(folder_path).rglob("*.parquet")]
        sent.update({file.stem: Dataset.from_parquet(str(file)) for file in files})
        assert sorted(given["allow_patterns"])[0] == "README.md"

    monkeypatch.setattr(Hub, "upload_folder", read)
    data = Path("results/w/data")
    make_pictures(Path("made"), authors=4, holdout=0, variations=[], facts=1)
    (Path("made") / "README.md").write_text("# A card\n")
    names = [file.relative_to("made") for file in Path("made").rglob("*") if file.is_file()]
    with staged(str(data / names[0])) as stage:
        for name in names:
            place = stage(str(data / name))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((Path("made") / name).read_bytes())
    push(data, "lab/faces")
    assert isinstance(sent["full_pictures"].features["image"], Image)
    picture = next(image for image in sent["full_pictures"]["image"] if image is not None)
    assert picture.size[0] > 1
    next((data / "pictures").glob("*.png")).write_bytes(b"other")
    with pytest.raises(LetheError, match=r"\.png: not what its job wrote"):
        push(data, "lab/faces")


def test_what_a_job_did_not_write_is_not_sent(checkpoint, hub):
    (checkpoint / "model.safetensors").write_text("other\n")
    with pytest.raises(LetheError, match=r"model\.safetensors"):
        push(checkpoint, "lab/npo")
    make("results/w/data/full.json", "results/w/data/README.md")
    Path("results/w/data/full.json").write_text("changed\n")
    with pytest.raises(LetheError, match=r"full\.json: not what its job wrote"):
        push("results/w/data", "lab/world")
    assert hub.sent == []
    assert hub.private == {}


def test_bad_calls_are_one_line(checkpoint, tmp_path, monkeypatch):
    with pytest.raises(LetheError, match="not a repository; write USER/NAME"):
        push(checkpoint, "npo")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LetheError, match=r"empty: no checkpoint of Lethe's"):
        push("empty", "lab/npo")
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(LetheError, match="no token of the hub; set HF_TOKEN"):
        push(checkpoint, "lab/npo")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(LetheError, match="HF_HUB_OFFLINE is set"):
        push(checkpoint, "lab/npo")


def test_an_error_of_the_hub_is_one_line(checkpoint, hub, monkeypatch):
    def fail(*given, **named):
        raise OSError("no space\nmore")

    monkeypatch.setattr(Hub, "upload_folder", fail)
    with pytest.raises(LetheError, match=r"lab/npo: the hub did not take it \(no space\)$"):
        push(checkpoint, "lab/npo")
