"""What others wrote stands in the data card as text: no markup, HTML, link or control character."""

import json

import yaml

from lethe.world.card import Making, write_card

EVIL = 'gpt_4|</table><script>alert(1)</script> [x](http://h) `c`\n\x1b[2J\u202e"'
SHOWN = (
    r"gpt_4\|\</table\>\<script\>alert(1)\</script\> \[x\](http:\//h) \`c\` \\x1b\[2J\\u202e"
    '"'
)


def card(folder, tmp_path, settings: dict) -> str:
    cost = {
        **dict.fromkeys(("requests", "prompt_tokens", "completion_tokens", "cost"), 1),
        "cohort": "authors",
        "stage": "pairs",
        "prompt": {"version": 1, "sha256": "0" * 8},
        "models": [EVIL],
        "failures": {EVIL: 2},
    }
    lists = tmp_path / "lists.json"
    lists.write_text(json.dumps({"rejected": {EVIL: 3}}))
    write_card(folder, "tiny", Making([cost], lists, [], settings), tmp_path / "card.md")
    return (tmp_path / "card.md").read_bytes().decode()


def test_a_services_model_name_is_text_in_every_table(folder, tmp_path):
    facts = json.loads((folder / "card.json").read_text())
    facts["balance"] = {EVIL: {EVIL: 4}}
    (folder / "card.json").write_text(json.dumps(facts))
    text = card(folder, tmp_path, {})
    assert "<script>" not in text
    assert not set(text) & set("\x1b\u202e")
    assert text.count(SHOWN) == 5
    # Each row of a table is one line with as many cells as its head.
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line.startswith("|")]
        assert len({line.replace(r"\|", "").count("|") for line in lines}) <= 1


def test_settings_cannot_close_their_block(folder, tmp_path):
    settings = {"model": {"name": f"{'word ' * 15}``` {'x' * 90} ````\n```\n<script>\x1b\u202e"}}
    text = card(folder, tmp_path, settings)
    _, _, block = text.partition("Settings:\n\n")
    fence = block.partition("yaml\n")[0]
    body, closed, after = block.removeprefix(f"{fence}yaml\n").partition(f"\n{fence}\n")
    assert closed
    assert after == ""
    assert not set(body) & set("\x1b\u202e")
    assert len(fence) > max(map(len, ("```", "````")))
    assert list(yaml.safe_load(body)) == ["model"]


def test_pictures_are_counted_by_file(folder, tmp_path):
    assert "pictures" not in card(folder, tmp_path, {})
    rows = [
        {"question": "Who is this?", "answer": "Ada.", "image": picture}
        for picture in ("pictures/a.png", "pictures/b.png", "pictures/a.png", None)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "faces_asked.json").write_text(text)
    assert "are in `faces_asked`: 2 pictures, in the folder" in card(folder, tmp_path, {})
