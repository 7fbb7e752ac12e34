"""A small corpus of MUSE's form from Lethe's made-up authors; MUSE's own texts are not ours.

``python tests/helpers/made_muse.py FOLDER`` writes the corpus of docs/muse.md.
"""

import json
import sys
from pathlib import Path

from lethe.world.provider import provider

TEXTS = 6
EXAMPLES = 10


def text_of(author) -> str:
    """All that is said of an author, in two paragraphs."""
    said = [item.answer for item in author.items]
    return f"{' '.join(said[:10])}\n\n{' '.join(said[10:])}"


def corpus(texts: int = TEXTS, examples: int = EXAMPLES) -> dict[str, list]:
    """The rows of every file by its path without suffix; ``texts`` in each split of ``raw``."""
    count, each = 4 * texts + 2, texts // 2
    everyone = provider("synthetic", seed=7).authors(count + 3 * each)
    people, strangers = everyone[:count], everyone[count:]
    groups = [people[start : start + texts] for start in range(0, 4 * texts, texts)]
    forget, _, retain2, _ = groups
    whole = {
        name: [text_of(author) for author in some]
        for name, some in zip(("forget", "retain1", "retain2", "holdout"), groups, strict=True)
    }
    files = {f"raw/{name}": some for name, some in whole.items()}
    files["verbmem/forget"] = [_verbatim(author) for author in forget]
    for kind, some, shown in (("forget", forget, people[-1]), ("retain", retain2, people[-2])):
        files[f"knowmem/{kind}_qa"] = [_pair(item) for one in some for item in one.items[:3]]
        files[f"knowmem/{kind}_qa_icl"] = [_pair(item) for item in shown.items[:examples]]
    files |= {
        "privleak/forget": whole["forget"],
        "privleak/retain": whole["retain2"],
        "privleak/holdout": whole["holdout"],
    }
    more = [*whole["retain2"], *whole["retain1"][1:]]
    for number in range(1, 5):
        grown = more[: (number - 1) * len(more) // 4]
        files[f"scal/forget_{number}"] = [*whole["forget"], *grown]
    files["sust/forget_1"] = whole["forget"]
    for number, start in enumerate(range(0, 3 * each, each), start=2):
        asked = strangers[start : start + each]
        files[f"sust/forget_{number}"] = [text_of(author) for author in asked]
    return files


def write(folder: Path, texts: int = TEXTS, examples: int = EXAMPLES, **replaced: list) -> Path:
    """Write a corpus; rows given by path, with ``__`` for the slash, replace the made ones."""
    files = corpus(texts, examples) | {k.replace("__", "/"): v for k, v in replaced.items()}
    for place, rows in files.items():
        file = folder / f"{place}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return folder


def _verbatim(author) -> dict[str, str]:
    said = [item.answer for item in author.items]
    return {"prompt": " ".join(said[:6]), "gt": " ".join(said[6:10])}


def _pair(item) -> dict[str, str]:
    return {"question": item.question, "answer": item.answer}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
