"""Certificates: what they are of, what is verified, what is refused."""

import json
import shutil
import subprocess
import sys
from hashlib import sha256

import pytest
from helpers.made_audits import answers

from lethe.analysis.audit import verdict
from lethe.analysis.audit.document import FORMAT, as_text, document, judged_again
from lethe.analysis.audit.judged import judged
from lethe.cli import main as cli
from lethe.common.errors import LetheError
from lethe.model import checkpoint_files
from lethe.pipeline.certificate import certificate, does_not_follow
from lethe.pipeline.certificate_files import write_certificate
from lethe.pipeline.certificate_format import UNSIGNED
from lethe.pipeline.revision import library_digest

OWN = {"leak": 3, "multiple_choice": 2}


def folder(place, text: str):
    """A checkpoint's folder, as far as digests see one."""
    place.mkdir()
    (place / "config.json").write_text("{}")
    (place / "model.safetensors").write_text(text)
    (place / "README.md").write_text("A card, which may change.")
    return place


@pytest.fixture
def audited(tmp_path):
    """Checkpoints and the audit of the first, in files; the paths by name."""
    places = {name: folder(tmp_path / name, name) for name in ("own", "full", "oracle")}
    write_audit(tmp_path, places)
    return {**places, "audit": tmp_path / "audit"}


def write_audit(tmp_path, places, oracle: bool = True, own=OWN):
    digests = {name: checkpoint_files.digests(place) for name, place in places.items()}
    asked = {
        "own": answers(own, files=digests["own"]),
        "full": answers(dict.fromkeys(own, 29), files=digests["full"]),
        "oracle": answers(dict.fromkeys(own, 2), files=digests["oracle"]) if oracle else None,
    }
    made = document(judged(*asked.values()), {"checkpoint": "own", "budget": "minutes"})
    (tmp_path / "audit").mkdir(exist_ok=True)
    (tmp_path / "audit" / "audit.json").write_text(as_text(made))
    return made


@pytest.fixture
def certified(audited, tmp_path):
    write_certificate(audited["own"], audited["audit"], tmp_path / "out")
    return {**audited, "out": tmp_path / "out"}


def verified(certified, *more) -> str | None:
    """What `lethe verify` refuses with; None if it finds nothing wrong."""
    asked = ["verify", str(certified["out"]), "--checkpoint", str(certified["own"]), *more]
    try:
        cli.main([str(word) for word in asked])
    except SystemExit as error:
        return str(error.code)
    return None


def test_digests_are_of_what_is_loaded(tmp_path):
    place = folder(tmp_path / "some", "weights")
    assert checkpoint_files.digests(place) == {
        "config.json": sha256(b"{}").hexdigest(),
        "model.safetensors": sha256(b"weights").hexdigest(),
    }
    assert checkpoint_files.digests("an/id") == {}


@pytest.mark.parametrize("refused", [0, 20])
@pytest.mark.parametrize("compared", [True, False])
def test_the_verdict_follows_from_the_values_of_the_document(refused, compared):
    oracle = answers(dict.fromkeys(OWN, 2)) if compared else None
    made = document(judged(answers(OWN, refused), answers(dict.fromkeys(OWN, 29)), oracle), {})
    again = document(judged_again(json.loads(as_text(made))), {})
    assert again["verdict"] == made["verdict"]
    assert does_not_follow(json.loads(as_text(made))) is None


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda d: d["verdict"].update(verdict="no leak"), "its verdict does not follow"),
        (lambda d: d.update(collapsed=True), "its collapsed does not follow"),
        (lambda d: d["probes"]["leak"].update(smallest_leak=0.001), "leak: its smallest_leak"),
        (lambda d: d["probes"]["leak"]["items"]["checkpoint"].__setitem__(29, 1.0), "leak: its"),
        (lambda d: d["probes"]["leak"]["items"]["checkpoint"].pop(), "give no audit"),
        (lambda d: d.pop("conduct_by_question"), "give no audit"),
        (
            lambda d: d["conduct_by_question"]["checkpoint"]["refused"].update(forget=[]),
            "give no audit",
        ),
        (lambda d: d["probes"]["leak"].update(questions=4000), "leak: its questions"),
        (lambda d: d["conduct"]["checkpoint"]["refused"].update(forget=0.9), "its conduct"),
    ],
)
def test_what_was_changed_by_hand_is_named(audited, change, wrong):
    made = json.loads((audited["audit"] / "audit.json").read_text())
    change(made)
    assert wrong in does_not_follow(made)


def test_a_certificate_says_what_was_tested_and_never_that_nothing_is_left(certified, capsys):
    made = json.loads((certified["out"] / "certificate.json").read_text())
    assert made["signature"] == UNSIGNED
    assert made["checkpoint"]["files"] == checkpoint_files.digests(certified["own"])
    assert made["parents"].keys() == {"full", "oracle"}
    assert made["audit"]["tested"]["leak"]["smallest_leak"] > 0
    assert made["audit"]["not_tested"] == {"depth": "why not"}
    page = (certified["out"] / "certificate.html").read_text()
    for text in (json.dumps(made), page):
        assert UNSIGNED in text
        assert "does not say that nothing is left" in text
        assert "proves" not in text
    assert "Content-Security-Policy" in page
    assert "<script" not in page
    assert verified(certified) is None
    told = capsys.readouterr().out
    assert f"signature\tnot looked at\t{UNSIGNED}" in told
    assert "oracle\tnot looked at\tnot named, not looked at" in told


def test_the_code_is_named_by_its_digest(certified, capsys):
    file = certified["out"] / "certificate.json"
    made = json.loads(file.read_text())
    assert made["code"]["sha256"] == library_digest()
    assert verified(certified) is None
    assert "code\tholds" in capsys.readouterr().out
    # Of another version, or of a certificate that is older than the digest: no failure.
    for code in ({**made["code"], "sha256": "0" * 64}, {"version": "0.1.0"}):
        file.write_text(json.dumps({**made, "code": code}))
        assert verified(certified) is None
        assert "code\tnot looked at\tcertified by other sources" in capsys.readouterr().out


def test_a_name_in_a_page_is_text(audited, tmp_path):
    strange = tmp_path / "<b>own"
    shutil.copytree(audited["own"], strange)
    write_certificate(strange, audited["audit"], tmp_path / "out")
    assert "<b>own" not in (tmp_path / "out" / "certificate.html").read_text()


def test_verifying_compares_everything_that_is_named(certified, capsys):
    parents = ("--full", certified["full"], "--oracle", certified["oracle"])
    assert verified(certified, *parents) is None
    assert "oracle\tholds" in capsys.readouterr().out
    assert "full fails" in verified(certified, "--full", certified["oracle"])
    (certified["own"] / "README.md").write_text("another card")
    assert verified(certified) is None
    (certified["own"] / "model.safetensors").write_text("trained again")
    assert "checkpoint fails; do not rely on it" in verified(certified)
    assert "model.safetensors differs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("audit.json", lambda d: d["verdict"].update(verdict="no leak"), "audit fails"),
        (
            "certificate.json",
            lambda d: d["audit"]["verdict"].update(verdict="better"),
            "verdict of the certificate fails",
        ),
        ("certificate.json", lambda d: d.update(format=9), "not a certificate of format 1"),
        ("certificate.json", lambda d: d.update(parents=[]), "not a certificate of format 1"),
        (
            "certificate.json",
            lambda d: d.update(scope="All gone."),
            "not a certificate of format 1",
        ),
        (
            "certificate.json",
            lambda d: d.update(signature="by all"),
            "not a certificate of format 1",
        ),
        ("certificate.json", lambda d: d["checkpoint"].update(origin={"a": 1}), "origin of the"),
        (
            "certificate.json",
            lambda d: d["checkpoint"].pop("files"),
            "not a certificate of format 1",
        ),
        ("certificate.json", lambda d: d["parents"].pop("oracle"), "rest of the certificate fails"),
        (
            "certificate.json",
            lambda d: d["audit"]["tested"]["leak"].update(smallest_leak=0.0),
            "rest of the certificate fails",
        ),
        ("certificate.json", lambda d: d["audit"].update(not_tested={}), "rest of the certificate"),
    ],
)
def test_a_certificate_whose_files_changed_fails(certified, name, change, what):
    file = certified["out"] / name
    made = json.loads(file.read_text())
    change(made)
    file.write_text(json.dumps(made))
    assert what in verified(certified)


def test_a_page_that_was_changed_fails(certified):
    page = certified["out"] / "certificate.html"
    page.write_text(page.read_text().replace("no leak found", "nothing is left"))
    assert "page fails; do not rely on it" in verified(certified)
    page.unlink()
    assert "page fails; do not rely on it" in verified(certified)


def test_a_checkpoint_without_its_weights_is_said_to_lack_them(certified, capsys):
    (certified["own"] / "model.safetensors").unlink()
    assert "checkpoint fails" in verified(certified)
    assert "model.safetensors is missing" in capsys.readouterr().out
    with pytest.raises(LetheError, match=r"model.safetensors is missing"):
        certificate(certified["own"], certified["audit"] / "audit.json", None)


def test_folders_that_are_named_have_to_be_there(certified):
    nowhere = certified["own"].parent / "nowhere"
    assert "nowhere: not a folder with files" in verified({**certified, "own": nowhere})
    assert "nowhere: not a folder with files" in verified(certified, "--oracle", nowhere)
    assert "a file; name the folder" in verified(
        {**certified, "out": certified["out"] / "certificate.json"}
    )


def test_a_model_that_was_not_compared_fails(certified, tmp_path):
    places = {name: certified[name] for name in ("own", "oracle")}
    asked = {name: answers(OWN, files=checkpoint_files.digests(places[name])) for name in places}
    made = document(judged(asked["own"], None, asked["oracle"]), {})
    (certified["audit"] / "audit.json").write_text(as_text(made))
    write_certificate(certified["own"], certified["audit"], tmp_path / "second")
    two = {**certified, "out": tmp_path / "second"}
    assert verified(two, "--oracle", certified["oracle"]) is None
    assert "full fails" in verified(two, "--full", certified["full"])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(format=1), "not an audit of format 2; make it again"),
        (lambda d: d.update(files={"checkpoint": [], "oracle": []}), "without digests"),
    ],
)
def test_another_document_is_not_certified(audited, change, why):
    file = audited["audit"] / "audit.json"
    made = json.loads(file.read_text())
    change(made)
    file.write_text(json.dumps(made))
    with pytest.raises(LetheError, match=why):
        certificate(audited["own"], file, None)
    with pytest.raises(LetheError, match=r"audit.json: a file; name the folder"):
        certificate(audited["own"], file / "audit.json", None)


def test_a_checkpoint_is_named_by_its_folder(audited, monkeypatch):
    monkeypatch.chdir(audited["own"])
    made = certificate(".", audited["audit"] / "audit.json", None)
    assert made["checkpoint"]["name"] == "own"


def test_the_base_of_adapters_counts(tmp_path):
    place = folder(tmp_path / "adapters", "few")
    config = place / "adapter_config.json"
    config.write_text(json.dumps({"base_model_name_or_path": str(folder(tmp_path / "b", "all"))}))
    assert checkpoint_files.digests(place).keys() == {
        *("adapter_config.json", "config.json", "model.safetensors"),
        *("base/config.json", "base/model.safetensors"),
    }
    assert checkpoint_files.base_elsewhere(place) is None
    config.write_text(json.dumps({"base_model_name_or_path": "an/id"}))
    with pytest.raises(LetheError, match="adapters on an/id, whose files are not here"):
        certificate(place, certify_ready(tmp_path, place), None)


def certify_ready(tmp_path, place):
    others = {name: folder(tmp_path / name, name) for name in ("full", "oracle")}
    write_audit(tmp_path, {"own": place, **others})
    return tmp_path / "audit" / "audit.json"


def test_a_name_that_is_no_text_is_refused(tmp_path):
    place = folder(tmp_path / "own", "weights")
    (place / b"\xff.bin".decode(errors="surrogateescape")).write_text("")
    with pytest.raises(LetheError, match=r"name is not UTF-8 \(\\udcff.bin\); rename it"):
        checkpoint_files.digests(place)


def test_only_an_audit_of_this_checkpoint_with_an_oracle_is_certified(audited, tmp_path):
    file = audited["audit"] / "audit.json"
    with pytest.raises(LetheError, match=r"audited another checkpoint \(model.safetensors differs"):
        certificate(audited["full"], file, None)
    with pytest.raises(LetheError, match="only local files can be certified"):
        certificate(tmp_path / "none", file, None)
    write_audit(tmp_path, {name: audited[name] for name in ("own", "full", "oracle")}, oracle=False)
    with pytest.raises(LetheError, match=r"audit without an oracle.*audit again with --oracle"):
        certificate(audited["own"], file, None)
    made = json.loads(file.read_text())
    file.write_text(json.dumps(made | {"files": {}}))
    with pytest.raises(LetheError, match="without digests of its checkpoint; audit it again"):
        certificate(audited["own"], file, None)
    assert not (tmp_path / "out").exists()


def test_a_forged_audit_is_not_certified(audited, tmp_path):
    file = audited["audit"] / "audit.json"
    made = json.loads(file.read_text())
    made["verdict"]["why"] = "nothing leaks"
    file.write_text(json.dumps(made))
    with pytest.raises(LetheError, match=r"its verdict's words \(why\) .* audit again"):
        write_certificate(audited["own"], audited["audit"], tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_a_later_version_may_say_the_same_in_other_words(certified, capsys, monkeypatch):
    """A certificate is verified by kinds and numbers; that its words are others is said."""
    monkeypatch.setattr(verdict, "_below", lambda beyond: "no more than the oracle's")
    assert verified(certified) is None
    told = capsys.readouterr().out
    assert "verdict, computed again from the values by question\tholds" in told
    assert (
        "words of the verdict\tnot looked at\tleak: its verdict's words (why) are not those" in told
    )


def test_the_names_of_verdicts_belong_to_the_format():
    """Old certificates name them: who changes one raises FORMAT."""
    assert FORMAT == 2
    assert {verdict.LEAKS_BEYOND, verdict.LEAKS, verdict.NO_LEAK, verdict.UNKNOWN} == {
        "leaks beyond the oracle",
        "leaks",
        "no leak found",
        "cannot be told",
    }


needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH not installed")


@pytest.fixture
def key(tmp_path):
    """A private key, and a file that trusts it as audits@example.org."""
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    kind, public, *_ = (tmp_path / "key.pub").read_text().split()
    trusted = tmp_path / "allowed_signers"
    trusted.write_text(f"audits@example.org {kind} {public}\n")
    return file, trusted


@needs_ssh
def test_a_signature_by_a_key_that_one_trusts(audited, key, tmp_path, capsys):
    file, trusted = key
    signer = "audits@example.org"
    made = write_certificate(audited["own"], audited["audit"], tmp_path / "out", file, signer)
    certified = {**audited, "out": tmp_path / "out"}
    assert made["signature"] == f"signed by {signer}"
    assert verified(certified, "--allowed-signers", trusted) is None
    assert f"signature by {signer}\tholds" in capsys.readouterr().out
    # Without whom one trusts nothing is said about the signature.
    assert verified(certified) is None
    assert f"signature\tnot looked at\tby {signer}" in capsys.readouterr().out
    trusted.write_text(trusted.read_text().replace(signer, "other@example.org"))
    assert f"signature by {signer} fails" in verified(certified, "--allowed-signers", trusted)
    (tmp_path / "out" / "certificate.json.sig").unlink()
    assert f"signature by {signer} fails" in verified(certified, "--allowed-signers", trusted)


@needs_ssh
def test_a_signed_certificate_that_was_changed_fails(audited, key, tmp_path):
    file, trusted = key
    write_certificate(
        audited["own"], audited["audit"], tmp_path / "out", file, "audits@example.org"
    )
    place = tmp_path / "out" / "certificate.json"
    place.write_text(place.read_text().replace('"name": "own"', '"name": "better"'))
    asked = verified({**audited, "out": tmp_path / "out"}, "--allowed-signers", trusted)
    assert "signature by audits@example.org fails" in asked


@needs_ssh
def test_a_passphrase_is_never_waited_for_without_a_terminal(audited, tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
    asked = ["certify", audited["own"], "--audit", audited["audit"], "--out", tmp_path / "out"]
    asked += ["--key", key, "--signer", "me"]
    # A session of its own has no terminal; the open pipe never ends.
    with subprocess.Popen(
        [sys.executable, "-c", "from lethe.cli.main import main; main()", *map(str, asked)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
        told = process.stderr.read()
    assert "it has a passphrase: give it at a terminal, or add the key to an agent" in told
    assert not (tmp_path / "out").exists()


@needs_ssh
def test_a_key_that_others_may_read_is_named(audited, key, tmp_path):
    key[0].chmod(0o644)
    with pytest.raises(LetheError, match="others may read it; chmod 600"):
        write_certificate(audited["own"], audited["audit"], tmp_path / "out", key[0], "me")


@pytest.mark.parametrize("signer", ["", " ", "a\nb", "a\tb", "-x"])
def test_a_signer_that_is_no_name_is_refused(audited, tmp_path, signer):
    with pytest.raises(
        LetheError,
        match=r"--signer .*: not a name; give one as in a file of "
        r"allowed",
    ):
        write_certificate(audited["own"], audited["audit"], tmp_path / "out", "key", signer)


@needs_ssh
def test_a_file_of_allowed_signers_has_to_be_there(audited, key, tmp_path):
    write_certificate(audited["own"], audited["audit"], tmp_path / "out", key[0], "me")
    asked = verified({**audited, "out": tmp_path / "out"}, "--allowed-signers", tmp_path / "none")
    assert "none: no such file; name one as in ssh-keygen(1)" in asked


def test_an_unsigned_certificate_fails_where_a_signature_is_asked_for(certified, tmp_path):
    (tmp_path / "allowed_signers").write_text("")
    asked = verified(certified, "--allowed-signers", tmp_path / "allowed_signers")
    assert "signature fails" in asked


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--key", "key"), "--key and --signer belong together"),
        (("--signer", "me"), "--key and --signer belong together"),
        (("--key", "nowhere", "--signer", "me"), "--key nowhere: no such file"),
    ],
)
def test_half_a_signature_is_refused(audited, tmp_path, more, why):
    asked = ["certify", audited["own"], "--audit", audited["audit"], "--out", tmp_path / "o", *more]
    with pytest.raises(SystemExit, match=f"error: {why}"):
        cli.main([str(word) for word in asked])
    assert not list((tmp_path / "o").glob("*")) if (tmp_path / "o").exists() else True
