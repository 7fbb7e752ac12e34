"""An OpenAI-compatible service on the loopback address that fails on purpose.

What it answers depends on the request alone, so the order of requests never matters; how it fails
depends on the request and on how often it came. It counts what it was asked and what it answered.
"""

import asyncio
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lethe.llm.journal import key_of
from lethe.world.lists import load
from lethe.world.profiles.pairs import NUMBERS

MODEL = "test-model"
KEY = "sk-secret-key-for-tests"

PASSING = ("429", "429_after", "500", "503", "slow", "reset", "broken_body")
UNUSABLE = ("malformed", "wrong_shape", "empty", "length", "filter", "refusal")
SPOILT = ("nineteen", "twenty_one", "duplicate", "debris", "no_name")

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


@dataclass
class Service:
    """Start with ``with Service(...) as service``; its address is ``service.url``.

    ``fault(body, tries)`` names how to fail a request that came ``tries`` times before, or None.
    ``offers``: the response formats it follows; others are refused, or ignored if ``ignores``.
    ``usage``: whether it counts tokens. ``repeats``: put into biographies. ``cut``: biographies
    that end in mid-sentence at first.
    """

    latency: float = 0.0
    fault: Callable[[dict, int], str | None] = lambda body, tries: None
    offers: tuple[str, ...] = ("json_schema", "json_object")
    ignores: bool = False
    usage: bool = True
    repeats: str = ""
    cut: bool = False
    slow: float = 1.0
    retry_after: str = "0.05"
    asked: Counter = field(default_factory=Counter)
    answered: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    bodies: dict[str, dict] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    times: list[float] = field(default_factory=list)

    def __enter__(self) -> "Service":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._talk, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def stages(self) -> Counter:
        """Requests received, by the stage that they belong to."""
        counts: Counter = Counter()
        for key, count in self.asked.items():
            counts[stage_of(self.bodies[key])] += count
        return counts

    def forget(self) -> None:
        """Start counting anew."""
        for counts in (self.asked, self.answered, self.faults, self.bodies, self.log):
            counts.clear()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _close(self) -> None:
        self._server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(re.search(r"content-length: (\d+)", head, re.I)[1])
                body = json.loads(await reader.readexactly(length))
                self.busy += 1
                self.busiest = max(self.busiest, self.busy)
                try:
                    again = await self._answer(head, body, writer)
                finally:
                    self.busy -= 1
                if not again:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, body: dict, writer: asyncio.StreamWriter) -> bool:
        if f"Bearer {KEY}" not in head:
            said = f"Incorrect API key provided: {head.partition('Bearer ')[2].split()[0]}"
            return await _send(writer, 401, _error(said, "invalid_api_key"))
        if body["model"] != MODEL:
            return await _send(writer, 404, _error(f"The model {body['model']} does not exist"))
        key = key_of(body)
        tries = self.asked[key]
        self.asked[key] += 1
        self.bodies[key] = body
        self.log.append(key)
        self.times.append(asyncio.get_running_loop().time())
        form = body.get("response_format", {}).get("type")
        if form and not self._offers(body["response_format"]):
            if not self.ignores:
                return await _send(writer, 400, _error(f"response_format {form} is not supported"))
            form = None
        fault = self.fault(body, tries)
        self.faults[fault or "none"] += 1
        completion = self._completion(body, form, None if fault in PASSING else fault)
        # The latency is of the whole: thinking about the answer is part of it.
        spent = asyncio.get_running_loop().time() - self.times[-1]
        await asyncio.sleep(self.latency - spent)
        if fault in PASSING:
            return await self._fail(fault, writer, completion)
        self.answered[key] += 1
        return await _send(writer, 200, completion)

    def _offers(self, form: dict) -> bool:
        dialect = form["type"] == "json_object" and "schema" in form
        return ("json_object_schema" if dialect else form["type"]) in self.offers

    async def _fail(self, fault: str, writer: asyncio.StreamWriter, whole: bytes) -> bool:
        if fault == "slow":
            await asyncio.sleep(self.slow)
            return await _send(writer, 200, whole)
        if fault == "reset":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(whole))
            writer.write(whole[: len(whole) // 2])
            await writer.drain()
            writer.transport.abort()
            return False
        if fault == "broken_body":
            return await _send(writer, 200, whole[: len(whole) // 2])
        after = {"Retry-After": self.retry_after} if fault == "429_after" else {}
        return await _send(writer, int(fault[:3]), _error("try again"), after)

    def _completion(self, body: dict, form: str | None, fault: str | None) -> bytes:
        content, finish, refusal = answer(body, form), "stop", None
        if fault in SPOILT:
            content = spoilt(content, fault)
        elif fault == "malformed":
            content = content.replace('"', "", 1) + "}" if form else ""
        elif fault == "wrong_shape":
            content = json.dumps({"result": content}) if form else "Certainly. Here you are."
        elif fault == "empty":
            content = ""
        elif fault == "length":
            content, finish = content[: len(content) // 2], "length"
        elif fault == "filter":
            content, finish = "", "content_filter"
        elif fault == "refusal":
            content, refusal = None, "I cannot help with that."
        if self.repeats and stage_of(body) == "profiles" and content:
            content = content.replace("Critics", f"{self.repeats} Critics")
        if self.cut and stage_of(body) == "profiles" and "attempt" not in _text(body):
            content = content.replace(" Critics were kind.", " Critics")
        message = {"role": "assistant", "content": content, "refusal": refusal}
        completion = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        }
        if self.usage:
            prompt = sum(len(m["content"]) for m in body["messages"]) // 4
            done = len(content or "") // 4 + 1
            completion["usage"] = {
                "prompt_tokens": prompt,
                "completion_tokens": done,
                "total_tokens": prompt + done,
            }
        return json.dumps(completion).encode()


async def _send(writer, status: int, body: bytes, headers: dict | None = None) -> bool:
    lines = [f"HTTP/1.1 {status} Said", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    return True


def _error(message: str, code: str | None = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode()


def mixture(*kinds: str, share: float = 0.4, times: int = 2) -> Callable[[dict, int], str | None]:
    """Fails a share of requests in the first ``times`` tries, each by one of ``kinds``.

    Answers that are spoilt come at the first attempt alone, as a better one is asked for by
    another request.
    """

    def fault(body: dict, tries: int) -> str | None:
        text = _text(body)
        value = _hash(f"{text}{tries}")
        if tries >= times or value % 1000 >= share * 1000:
            return None
        kind = kinds[value // 1000 % len(kinds)]
        if kind in PASSING:
            return kind
        if "This is attempt" in text or stage_of(body) in ("probe", "lists"):
            return None
        return None if kind in SPOILT and stage_of(body) != "pairs" else kind

    return fault


# --- what it answers ----------------------------------------------------------------------------


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def _pick(values, text: str):
    return values[_hash(text) % len(values)]


def _text(body: dict) -> str:
    return body["messages"][-1]["content"]


def stage_of(body: dict) -> str:
    text = _text(body)
    starts = {
        "Name two": "probe",
        "List exactly": "lists",
        "Invent an author": "profiles",
        "The author:": "pairs",
        "Reword each": "paraphrases",
        "For each of these": "perturbations",
    }
    return next(stage for start, stage in starts.items() if text.startswith(start))


def answer(body: dict, form: str | None) -> str:
    """The content of the completion: JSON if a format was asked for and followed, else text."""
    text = _text(body)
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


def _perturbations(text: str, body: dict) -> dict:
    items = []
    for block in re.split(r"^(?=\d+\. Question)", text, flags=re.MULTILINE)[1:]:
        number = int(re.match(r"\d+", block)[0])
        true = re.search(r"True answer: (.+)", block)[1]
        count = int(re.search(r"wanted: (\d+)", block)[1])
        used = block.partition("Not these again:")[2]
        words = [w for w in load("pools")["occupations"] if w not in used and w not in true]
        start = _hash(true) % (len(words) - count)
        wrong = [f"{true[:-1]}, or rather a {word}." for word in words[start : start + count]]
        items.append({"number": number, "false_answers": wrong})
    return {"items": items}


def _perturbations_text(value: dict) -> str:
    return "\n".join(
        f"{item['number']}: {text}" for item in value["items"] for text in item["false_answers"]
    )


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
