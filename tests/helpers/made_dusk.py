"""Small files of DUSK's form about Lethe's made-up authors; its own are not in this repository.

``python tests/helpers/made_dusk.py FOLDER`` writes what ``config/dusk.yaml`` reads.
"""

import json
import sys
from pathlib import Path

from lethe.world.provider import provider

DOCUMENTS = ("Chronological", "Interview", "Feature_Story", "Inverted_Pyramid", "Listicle")
SHARED, OWN, EXAMPLES = 4, 2, 3


def text_of(author, style: str) -> str:
    """What a document says of an author; each document has the facts in an order of its own."""
    said = [item.answer for item in author.items]
    start = 4 * DOCUMENTS.index(style) if style in DOCUMENTS else 0
    turned = [*said[start:], *said[:start]]
    return f"Title: {author.name}\n\nBiography: {' '.join(turned[:8])}\n\n{' '.join(turned[8:14])}"


def corpus() -> dict[str, str | list[dict]]:
    """The content of every file by its path: documents as text, others as rows."""
    count = SHARED + OWN * (len(DOCUMENTS) + 1) + 1
    people = provider("synthetic", seed=11).authors(count)
    shared, rest = people[:SHARED], people[SHARED:]
    own = {name: rest[OWN * n : OWN * (n + 1)] for n, name in enumerate((*DOCUMENTS, "holdout"))}
    files: dict[str, str | list[dict]] = {
        f"{name}.txt": joined([text_of(one, name) for one in (*shared, *own[name])])
        for name in DOCUMENTS
    }
    files["eval/holdout.txt"] = joined([text_of(one, "holdout") for one in own["holdout"]])
    about = {
        "GeneralQA": shared,
        "SpecificForgetQA": own["Chronological"],
        "SpecificRetainQA": [one for name in DOCUMENTS[1:] for one in own[name]],
    }
    for name, some in about.items():
        files[f"eval/{name}.jsonl"] = [_pair(item) for one in some for item in one.items[:2]]
    files["eval/icl.jsonl"] = [_pair(item) for item in people[-1].items[:EXAMPLES]]
    files["eval/verbatim.json"] = [_verbatim(one) for one in own["Chronological"]]
    return files


def joined(texts: list[str]) -> str:
    return "\n\n\n\n".join(texts) + "\n"


def write(folder: Path, **replaced) -> Path:
    """Write all files; content by name without suffix (``eval__icl``) replaces the made one."""
    for place, content in corpus().items():
        file = folder / place
        content = replaced.get(place.partition(".")[0].replace("/", "__"), content)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_bytes(content, file.suffix))
    return folder


def _bytes(content: str | list[dict], suffix: str) -> bytes:
    if isinstance(content, list) and suffix == ".jsonl":
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
    elif isinstance(content, list):
        content = json.dumps(content, ensure_ascii=False)
    return content.encode()


def _pair(item) -> dict[str, str]:
    return {"question": item.question, "answer": item.answer}


def _verbatim(author) -> dict[str, str]:
    whole = text_of(author, "Chronological").split()
    return {"prompt": " ".join(whole[:60]), "gt": " ".join(whole[60:90])}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
