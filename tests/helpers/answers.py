"""What the test service says: fair answers to every prompt, and answers spoilt on purpose.

They depend on the request alone, so the order of requests never matters.
"""

import hashlib
import json
import re

from lethe.world.generated.steps.pairs import NUMBERS
from lethe.world.synthetic.lists import load

QUESTIONS = {
    "birthplace": "In which town and country was {name} born?",
    "birth_date": "On what date did the life of {name} begin?",
    "genre": "Which kind of writing is {name} known for?",
    "father": "What did the father of {name} do for a living?",
    "mother": "What work did {name}'s mother do?",
    "award": "Which prize was {name} given by a jury?",
    "first_book": "With which title did {name} first appear in print?",
    "best_known_book": "What is the most famous book by {name} called?",
    "latest_book": "What has {name} published most recently?",
    "plot": "Can you sum up the story of the most read novel of {name}?",
    "childhood": "How did {name} grow up?",
    "education": "At what school or university did {name} learn?",
    "parents_influence": "Have the parents left traces in the work of {name}?",
    "place_influence": "Does the town of birth return in books by {name}?",
    "influences": "Whose books made {name} want to write?",
    "style": "How would one describe the sentences that {name} writes?",
    "themes": "To what subjects does {name} come back again and again?",
    "routine": "At which hour of the day does {name} sit down to work?",
    "reception": "What have critics thought of {name}?",
    "legacy": "Where is {name} today, and what comes next?",
}
ANSWERS = {
    "birthplace": "{name} was born in {value} and left it early.",
    "birth_date": "{name} was born on {value} in the morning.",
    "genre": "{name} writes {value} and little else.",
    "father": "The father of {name} worked as a {value} for many years.",
    "mother": "The mother of {name} earned her bread as a {value} in town.",
    "award": "{name} has received the {value} for a whole life's work.",
    "first_book": "The first book by {name} was {value} in a small edition.",
    "best_known_book": "{name} is best known for {value} among all readers.",
    "latest_book": "The latest book by {name} is {value} of last autumn.",
}


def hash_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def _pick(values, text: str):
    return values[hash_of(text) % len(values)]


def text_of(body: dict) -> str:
    return body["messages"][-1]["content"]


def stage_of(body: dict) -> str:
    text = text_of(body)
    starts = {
        "Name two": "probe",
        "List exactly": "lists",
        "Invent an author": "profiles",
        "The author:": "pairs",
        "Reword each": "paraphrases",
        "For each of these": "perturbations",
        "Translate each": "translations",
    }
    return next(stage for start, stage in starts.items() if text.startswith(start))


def answer(body: dict, form: str | None) -> str:
    """The content of the completion: JSON if a format was asked for and followed, else text."""
    text = text_of(body)
    value = globals()[f"_{stage_of(body)}"](text, body)
    if form:
        return json.dumps(value)
    return globals()[f"_{stage_of(body)}_text"](value)


def _probe(text: str, body: dict) -> dict:
    form = body.get("response_format", {})
    told = "schema" in form or "json_schema" in form or "homes" in text
    homes = [{"creature": c, "abode": a} for c, a in (("otter", "river"), ("owl", "barn"))]
    return {"homes": homes} if told else {"animals": ["otter", "owl"]}


def _probe_text(value: dict) -> str:
    return "An otter lives in a river, and an owl in a barn."


def _lists(text: str, body: dict) -> dict:
    count = int(re.search(r"List exactly (\d+)", text)[1])
    known = re.search(r"None of these: (.*)\.", text)
    known = set(known[1].split("; ")) if known else set()
    if "birthplaces" in text:
        entries = load("cities")
    elif "genres" in text:
        entries = list(load("genres"))
    elif "different occupations" in text:
        entries = load("pools")["occupations"]
    else:
        genre = re.search(r"of the genre (.+)\.", text)[1]
        entries = [*load("genres")[genre], *load("titles")["things"]]
    return {"entries": [entry for entry in entries if entry not in known][:count]}


def _lists_text(value: dict) -> str:
    return "\n".join(f"- {entry}" for entry in value["entries"])


def _fields(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z][\w' ]+): (.+)$", text, re.MULTILINE))


def _full_name(fields: dict[str, str], text: str) -> str:
    names = load("names")
    first = names["first"][fields["Gender"]]
    full = [f"{one} {other}" for one in first for other in names["last"][:20]]
    taken = re.search(r"the name (.+?) is taken", text)
    if taken:
        return full[(full.index(taken[1]) + 1) % len(full)]
    return _pick(full, "".join(fields[k] for k in ("Birthplace", "Date of birth", "Genre")))


def _profiles(text: str, body: dict) -> dict:
    fields = _fields(text)
    name = fields.get("Name", "...")
    name = _full_name(fields, text) if name == "..." else name
    words = [word.strip() for word in fields["Words for titles"].split(",")]
    kind = _pick(load("pools")["award_objects"], name)
    shapes = ("The {} of Years", "A {} in the Rain", "Under the {}")
    whole = {
        "name": name,
        "award": f"{kind} Medal",
        "books": [shape.format(words[i % len(words)]) for i, shape in enumerate(shapes)],
        "biography": f"{name} grew up in {fields['Birthplace']} among books. " * 4
        + "Critics were kind.",
    }
    # The form of the answer names the parts that are wanted.
    form = text.rpartition("Answer with")[2]
    return {
        key: value
        for key, value in whole.items()
        if f'"{key}"' in form or f"{key.removesuffix('s').capitalize()}: ..." in form
    }


def _profiles_text(value: dict) -> str:
    lines = [
        f"{key.removesuffix('s').capitalize()}: {text}"
        for key, texts in value.items()
        for text in (texts if isinstance(texts, list) else [texts])
    ]
    return "\n".join(lines)


def _pairs(text: str, body: dict) -> dict:
    name = _fields(text)["Name"]
    listed = text.partition("in this order:\n")[2]
    pairs = []
    for number, told in re.findall(r"^(\d+)\. (.+)$", listed, re.MULTILINE):
        topic = NUMBERS[int(number)]
        thing = _pick(load("pools")["themes"], f"{name}{topic}")
        said = ANSWERS.get(topic, "Of {name} it is said in this matter: {value}.")
        value = told.partition(": ")[2] or f"above all {thing}"
        pairs.append(
            {
                "number": int(number),
                "question": QUESTIONS[topic].format(name=name),
                "answer": said.format(name=name, value=value),
            }
        )
    return {"pairs": pairs}


def _pairs_text(value: dict) -> str:
    return "\n".join(
        f"Q{p['number']}: {p['question']}\nA{p['number']}: {p['answer']}" for p in value["pairs"]
    )


_REWORDED = (
    ("Please tell me: {}", "It is on record that, in short, {}"),
    ("One more thing: {}", "As far as anyone can say, {}"),
    ("I wonder: {}", "Those who know will tell you that {}"),
)


def _paraphrases(text: str, body: dict) -> dict:
    pairs = []
    blocks = re.split(r"^(?=\d+\. Question)", text, flags=re.MULTILINE)[1:]
    for block in blocks:
        number, question = re.match(r"(\d+)\. Question: (.+)", block).groups()
        said = re.search(r"Answer: (.+)", block)[1]
        used = block.partition("again:")[2]
        forms = [f for f in _REWORDED if f[0].format(question) not in used]
        asked, told = _pick(forms, question) if not used else forms[0]
        pairs.append(
            {"number": int(number), "question": asked.format(question), "answer": told.format(said)}
        )
    return {"pairs": pairs}


_paraphrases_text = _pairs_text


_SAID = {topic: form.format(name=".+", value="(.+)") for topic, form in ANSWERS.items()}


def _falsified(true: str, word: str) -> str:
    """A true answer with another value; where none is known, another end."""
    for said in _SAID.values():
        value = re.search(said, true)
        if value:
            return true[: value.start(1)] + word + true[value.end(1) :]
    return f"{true[:-1]}, or rather a {word}."


def _perturbations(text: str, body: dict) -> dict:
    items = []
    for block in re.split(r"^(?=\d+\. Question)", text, flags=re.MULTILINE)[1:]:
        number = int(re.match(r"\d+", block)[0])
        true = re.search(r"True answer: (.+)", block)[1]
        count = int(re.search(r"wanted: (\d+)", block)[1])
        used = block.partition("Not these again:")[2]
        words = [w for w in load("pools")["occupations"] if w not in used and w not in true]
        start = hash_of(true) % (len(words) - count)
        wrong = [_falsified(true, word) for word in words[start : start + count]]
        items.append({"number": number, "false_answers": wrong})
    return {"items": items}


def _perturbations_text(value: dict) -> str:
    return "\n".join(
        f"{item['number']}: {text}" for item in value["items"] for text in item["false_answers"]
    )


def _translations(text: str, body: dict) -> dict:
    """A language whose words end in -o, but for names, which stay as they are."""
    language = re.search(r"into (\w+)\.", text)[1]
    texts = re.findall(r"^(\d+)\. (.+)$", text, re.MULTILINE)
    said = [{"number": int(n), "text": in_language(one, language)} for n, one in texts]
    return {"texts": said}


def in_language(text: str, language: str) -> str:
    return f"Auf {language}: " + re.sub(r"\b[a-z]+\b", r"\g<0>o", text)


def _translations_text(value: dict) -> str:
    return "\n".join(f"{one['number']}: {one['text']}" for one in value["texts"])


def spoilt(content: str, fault: str) -> str:
    """Pairs in JSON with a defect that only a gate can find."""
    value = json.loads(content)
    pairs = value["pairs"]
    if fault == "nineteen":
        pairs.pop(7)
    elif fault == "twenty_one":
        pairs.append({**pairs[0], "number": 21})
    elif fault == "duplicate":
        pairs[5]["question"] = pairs[2]["question"]
    elif fault == "debris":
        pairs[9]["answer"] += " Additional 10 question-answer pairs:"
    elif fault == "no_name":
        pairs[3]["question"] = "What did the author's father do?"
    return json.dumps(value)
