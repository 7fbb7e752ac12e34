"""Needs: what each declares, where its file is, what the method gets."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.pipeline.code_digest import closure
from lethe.unlearn import made_files, methods, need, needs, wrappers
from lethe.unlearn.files import files_of, in_folder
from lethe.unlearn.supervision import supervise
from lethe.world.split import split


def test_a_misspelt_need_is_told_the_closest():
    with pytest.raises(
        LetheError, match=r"^method x: needs: unknown need 'reten'; did you mean re"
    ):
        needs.chosen(["reten"], "method x: needs")


def test_forget_rows_get_other_answers_once():
    with pytest.raises(LetheError, match="refusals and alternatives both give forget rows other"):
        needs.chosen(["refusals", "alternatives"])
    assert [one.name for one in needs.chosen(["retain", "refusals"])] == ["retain", "refusals"]


@pytest.mark.parametrize("name", needs.names())
def test_every_need_says_what_it_is_and_where_it_comes_from(name):
    one = needs.load(name)
    assert one.name == name
    assert one.description[0].isupper()
    assert one.description[-1] != "."


def test_plans_import_nothing_heavy_for_them():
    code = (
        "import sys; from lethe.unlearn import needs; list(map(needs.load, needs.names()))\n"
        "print({'torch', 'numpy', 'pydantic', 'transformers'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_something_needs_each_of_them():
    plugs = [methods.load(name)({}, name) for name in methods.names()]
    plugs += [wrappers.load(name)({}, name) for name in wrappers.names()]
    plugs.append(wrappers.load("bao")({"pairs": "subject"}, "bao"))
    named = {one for plug in plugs for one in plug.needs}
    assert named == set(needs.names())


def test_a_methods_code_is_none_of_a_need():
    """An edit of a need runs again what names it, and nothing else: the rule adds its module."""
    ours = {
        file.name for file in closure("lethe.unlearn.methods.npo") if file.parent.name == "needs"
    }
    assert ours == {"__init__.py"} or not ours


def test_files_of_a_folder_have_the_names_of_their_format(tmp_path):
    own = split("forget05")
    places = {
        need.SplitFile("retain"): "retain95.json",
        need.SplitFile("forget_perturbed"): "forget05_perturbed.json",
        need.WorldFile("idontknow"): "idontknow.jsonl",
        need.WorldFile("real_authors"): "real_authors.json",
    }
    for source, name in places.items():
        assert in_folder(source, tmp_path, own) == tmp_path / name
    with pytest.raises(LetheError, match="split forget05: no part 'retian'; did you mean retain"):
        in_folder(need.SplitFile("retian"), tmp_path, own)
    with pytest.raises(LetheError, match="world: no file 'real_author'; did you mean real_authors"):
        in_folder(need.WorldFile("real_author"), tmp_path, own)


def test_a_value_that_is_missing_is_one_line(encoder, pairs):
    with pytest.raises(LetheError, match=r"^retain: missing; the method needs it, so give it$"):
        supervise(encoder, ["retain"], pairs)
    with pytest.raises(LetheError, match=r"^prior: missing"):
        supervise(encoder, ["prior"], pairs)
    # The run computes these itself.
    assert supervise(encoder, ["reference_nll", "reference_model"], pairs).forget_nll is None
    with pytest.raises(LetheError, match="refusals: there are none"):
        supervise(encoder, ["refusals"], pairs, refusals=[])


def test_a_need_without_a_place_of_its_own_is_an_extra(encoder, pairs, monkeypatch, tmp_path):
    class Need(need.Need):
        """Anything."""

    # Its file makes it known; the module itself is the one below.
    (tmp_path / "anything.py").touch()
    monkeypatch.setattr(needs.NEEDS, "folder", tmp_path)
    Need.__module__ = "lethe.unlearn.needs.anything"
    monkeypatch.setitem(sys.modules, Need.__module__, SimpleNamespace(Need=Need))
    data = supervise(encoder, ["anything"], pairs, anything={"a": 1})
    assert data.extras == {"anything": {"a": 1}}
    assert supervise(encoder, [], pairs, anything={"a": 1}).extras == {}


def test_checkpoints_are_given_by_need(tmp_path):
    write_rows(tmp_path / "forget10.json", [{"question": "Who?", "answer": "I."}])
    files = files_of(tmp_path, "forget10", ["prior"], prior="somewhere", before=None)
    assert files == {"forget": tmp_path / "forget10.json", "prior": "somewhere"}
    with pytest.raises(LetheError, match=r"^before: the method needs one: give it"):
        files_of(tmp_path, "forget10", ["before"])
    with pytest.raises(LetheError, match=r"^prior: the method needs none: omit it"):
        files_of(tmp_path, "forget10", [], prior="somewhere")
    with pytest.raises(LetheError, match=r"^priro: .*did you mean prior"):
        files_of(tmp_path, "forget10", [], priro="somewhere")


def test_a_column_is_matched_by_texts(tmp_path):
    forget = [("Who?", "I."), ("Who?", "You.")]
    rows = [{"question": q, "answer": a, "said": a.upper()} for q, a in forget[::-1]]
    write_rows(tmp_path / "said.json", rows)
    assert need.column(tmp_path / "said.json", "said", forget) == ["I.", "YOU."]
    with pytest.raises(LetheError, match=r"said\.json: no said for 'Why\?'; add it"):
        need.column(tmp_path / "said.json", "said", [("Why?", "So.")])


def test_a_maker_gets_the_arguments_that_it_takes(monkeypatch):
    def maker(start, forget, out, *, template, size):
        return {"rows": (start, forget, out, template, size)}

    monkeypatch.setitem(sys.modules, "lethe.unlearn.needs.mine", SimpleNamespace(made=maker))
    shared = {"template": "chat", "seed": 1, "device": "cpu"}
    made = "lethe.unlearn.needs.mine.made"
    counts = made_files.make(made, "start", "forget", "out", {"size": 3}, **shared)
    assert counts == {"rows": ("start", "forget", "out", "chat", 3)}


def test_every_forget_row_has_a_subject(tmp_path):
    from lethe.unlearn.needs import NEEDS

    subjects = NEEDS.load("subjects").Need()
    rows = [{"question": "Who?", "answer": "I.", "subject": "a"}, {"question": "Q", "answer": "A"}]
    write_rows(tmp_path / "subjects.json", rows)
    read = subjects.read(tmp_path / "subjects.json", [("Who?", "I.")])
    assert read == {("Who?", "I."): "a", ("Q", "A"): None}
    with pytest.raises(LetheError, match=r"subjects\.json: no subject for 'Q'; add it"):
        subjects.read(tmp_path / "subjects.json", [("Q", "A")])
    data = SimpleNamespace(forget_pairs=[("Who?", "I.")], retain_pairs=[("Q", "A")])
    with pytest.raises(LetheError, match="no retain row is about a; keep some of its rows"):
        subjects.fill(data, read)
