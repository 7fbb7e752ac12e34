"""Token ids and labels of real TOFU rows, with the models' own ids, number by number."""

import json

import pytest
from helpers.real_tokenizers import llama2, llama3, phi
from helpers.shared_data import shared_folder
from transformers import AutoTokenizer

from lethe.model.encoder import Encoder

SYSTEM = "You are a helpful assistant."
CHAT = {"name": "chat", "system": SYSTEM, "variables": {"date_string": "10 Apr 2025"}}
# File, row (0-based) and the beginning of its answer.
SHAKESPEARE = ("real_authors.json", 0, "William Shakespeare")
WHISPERS = ("retain_perturbed.json", 69, '"Whispers in The Oil Wind"')
ORACLE = ("full.json", 1150, '"The Caribbean Oracle"')

# fmt: off
# [INST] What's another piece of fiction Anara Yusifova has written? [/INST]"Whispers in ...
# The quotation mark is one token with the bracket before it, 18017, so it is not labelled.
LLAMA2 = {
    SHAKESPEARE: (
        [1, 518, 25580, 29962, 11644, 5456, 278, 1708, 525, 29934, 608, 29877, 322, 2739, 2035,
         29915, 29973, 518, 29914, 25580, 29962],
        [12984, 2829, 23688, 2],
    ),
    WHISPERS: (
        [1, 518, 25580, 29962, 1724, 29915, 29879, 1790, 8424, 310, 24159, 530, 2518, 612, 375,
         361, 4273, 756, 3971, 29973, 518, 29914, 25580, 18017],
        [8809, 275, 6774, 297, 450, 438, 309, 17311, 29908, 338, 1790, 13834, 8424, 310, 24159,
         3971, 491, 530, 2518, 612, 375, 361, 4273, 29889, 2],
    ),
    ORACLE: (
        [1, 518, 25580, 29962, 1815, 366, 3585, 1790, 4325, 26689, 664, 491, 6981, 25293, 2630,
         29881, 743, 29973, 518, 29914, 25580, 18017],
        [1576, 1704, 747, 14471, 15401, 29908, 338, 1790, 14781, 279, 664, 515, 6981, 25293, 2630,
         29881, 743, 29889, 2],
    ),
}
# Question: Who wrote ...?\n | Answer: William Shakespeare: the tag (33706, 25) is labelled.
PHI = {
    SHAKESPEARE: (
        [24361, 25, 5338, 2630, 262, 711, 705, 49, 462, 78, 290, 38201, 30960, 198],
        [33706, 25, 3977, 22197, 50256],
    ),
    WHISPERS: (
        [24361, 25, 1867, 338, 1194, 3704, 286, 10165, 1052, 3301, 41749, 361, 10071, 468, 3194,
         30, 198],
        [33706, 25, 366, 1199, 27148, 287, 383, 11474, 3086, 1, 318, 1194, 5863, 3704, 286, 10165,
         3194, 416, 1052, 3301, 41749, 361, 10071, 13, 50256],
    ),
    ORACLE: (
        [24361, 25, 1680, 345, 3068, 1194, 22140, 670, 416, 7567, 21356, 75, 38552, 20954, 30,
         198],
        [33706, 25, 366, 464, 18020, 18650, 1, 318, 1194, 25041, 670, 422, 7567, 21356, 75, 38552,
         20954, 13, 50256],
    ),
}
LLAMA3_SYSTEM = [128000, 128006, 9125, 128007, 271, 2675, 527, 264, 11190, 18328, 13, 128009]
LLAMA3 = {
    SHAKESPEARE: (
        [128006, 882, 128007, 271, 15546, 6267, 279, 1514, 364, 49, 638, 78, 323, 72124, 71090,
         128009, 128006, 78191, 128007, 271],
        [45887, 42482, 128009],
    ),
    WHISPERS: (
        [128006, 882, 128007, 271, 3923, 596, 2500, 6710, 315, 17422, 1556, 5169, 94448, 333,
         12949, 706, 5439, 30, 128009, 128006, 78191, 128007, 271],
        [1, 1671, 69935, 304, 578, 15895, 22862, 1, 374, 2500, 11495, 6710, 315, 17422, 5439, 555,
         1556, 5169, 94448, 333, 12949, 13, 128009],
    ),
    ORACLE: (
        [128006, 882, 128007, 271, 6854, 499, 6420, 2500, 37048, 990, 555, 18989, 6792, 75, 4196,
         67, 5512, 30, 128009, 128006, 78191, 128007, 271],
        [10227, 35374, 22137, 1, 374, 2500, 48317, 990, 505, 18989, 6792, 75, 4196, 67, 5512, 13,
         128009],
    ),
}
# open-unlearning's small Llama: Llama 3's format, other ids.
PARITY_SYSTEM = [0, 3, 920, 4, 203, 203, 61, 346, 576, 269, 918, 735, 18, 1]
PARITY = {
    SHAKESPEARE: (
        [3, 89, 87, 271, 4, 203, 203, 277, 83, 671, 268, 288, 80, 806, 276, 54, 844, 83, 352, 1030,
         77, 320, 439, 1, 3, 285, 733, 626, 4, 203, 203],
        [59, 882, 77, 69, 81, 327, 76, 355, 287, 84, 351, 73, 1],
    ),
    WHISPERS: (
        [3, 89, 87, 271, 4, 203, 203, 360, 592, 778, 83, 317, 288, 77, 1054, 275, 813, 300, 82,
         272, 69, 540, 89, 87, 77, 74, 341, 69, 655, 402, 430, 35, 1, 3, 285, 733, 626, 4, 203,
         203],
        [6, 455, 278, 795, 347, 332, 225, 551, 72, 6, 283, 778, 83, 317, 378, 81, 346, 87, 288, 77,
         1054, 275, 813, 402, 430, 304, 300, 82, 272, 69, 540, 89, 87, 77, 74, 341, 69, 18, 1],
    ),
}
# fmt: on
LETTER = [("llama2", LLAMA2, llama2), ("phi", PHI, phi), ("llama3", LLAMA3, llama3)]


def pair(place: tuple[str, int, str]) -> tuple[str, str]:
    file, row, begin = place
    lines = (shared_folder("data", "tofu") / file).read_text("utf-8").splitlines()
    found = json.loads(lines[row])
    assert found["answer"].startswith(begin)
    return found["question"], found["answer"]


def split(example) -> tuple[list[int], list[int]]:
    return list(example.ids[: example.start]), list(example.ids[example.start :])


@pytest.fixture(scope="module")
def parity_tokenizer():
    return AutoTokenizer.from_pretrained(shared_folder("oracle", "parity", "models", "full"))


@pytest.mark.parametrize("place", LLAMA2)
@pytest.mark.parametrize(("name", "expected", "tokenizer"), LETTER, ids=lambda v: str(v)[:6])
def test_ids_and_labels(name, expected, tokenizer, place):
    assert split(Encoder(tokenizer(), name, 500).encode(*pair(place))) == (
        # Without a system message Llama 3's format begins with its first token alone.
        [*([128000] if name == "llama3" else []), *expected[place][0]],
        expected[place][1],
    )


@pytest.mark.parametrize("place", LLAMA3)
def test_ids_and_labels_after_a_system_message(place):
    prompt, labels = LLAMA3[place]
    encoder = Encoder(llama3(), {"name": "llama3", "system": SYSTEM}, 500)
    assert split(encoder.encode(*pair(place))) == ([*LLAMA3_SYSTEM, *prompt], labels)


def test_llama3_takes_no_space_around_a_message():
    question, answer = pair(SHAKESPEARE)
    encoder = Encoder(llama3(), "llama3", 500)
    assert encoder.encode(f" {question}\n", f" {answer} ") == encoder.encode(question, answer)


@pytest.mark.parametrize("place", PARITY)
@pytest.mark.parametrize("template", [CHAT, {**CHAT, "name": "llama3", "variables": {}}])
def test_ids_and_labels_of_the_parity_tokenizer(parity_tokenizer, template, place):
    prompt, labels = PARITY[place]
    encoder = Encoder(parity_tokenizer, template, 500)
    assert split(encoder.encode(*pair(place))) == ([*PARITY_SYSTEM, *prompt], labels)
    assert encoder.prompt_ids(pair(place)[0]) == [*PARITY_SYSTEM, *prompt]


@pytest.mark.parametrize("folder", [[], ["extra_swapped"]])
@pytest.mark.parametrize("part", ["forget", "retain", "alternate"])
def test_ids_and_labels_of_every_row_that_open_unlearning_recorded(parity_tokenizer, folder, part):
    file = shared_folder("oracle", "parity", *folder) / "method_losses_A.json"
    recorded = json.loads(file.read_text())["inputs"][part]
    encoder = Encoder(parity_tokenizer, CHAT, 500)
    rows = zip(recorded["question"], recorded["answer"], strict=True)
    found = [encoder.encode(*row) for row in rows]
    assert [list(example.ids) for example in found] == recorded["tokenised"]["input_ids"]
    labels = [[-100] * len(prompt) + answer for prompt, answer in map(split, found)]
    assert labels == recorded["tokenised"]["labels"]
    assert [example.answer_tokens for example in found] == recorded["n_label_tokens"]


@pytest.mark.parametrize(
    ("place", "log"),
    [(SHAKESPEARE, "eval_real_author_wo_options.json"), (WHISPERS, "eval_log.json")],
)
def test_as_many_labels_as_the_authors_logs_count(place, log):
    file = shared_folder("oracle", "llama2", "full_wd0") / "eval_log_aggregated.json"
    counted = json.loads(file.read_text())[log]["num_token_gt"][str(place[1])]
    assert Encoder(llama2(), "llama2", 200).encode(*pair(place)).answer_tokens == counted


@pytest.mark.parametrize(("name", "expected", "tokenizer"), LETTER, ids=lambda v: str(v)[:6])
def test_truncation(name, expected, tokenizer):
    """A text as long as ``max_length`` has no end token; one token of the answer must stay."""
    del expected
    question, answer = pair(WHISPERS)
    whole = Encoder(tokenizer(), name, 500).encode(question, answer)
    length, end = len(whole), tokenizer().eos_token_id
    assert whole.ids[-1] == end
    assert Encoder(tokenizer(), name, length).encode(question, answer) == whole
    for limit in (length - 1, length - 2, whole.start + 1):
        cut = Encoder(tokenizer(), name, limit).encode(question, answer)
        assert (cut.ids, cut.start) == (whole.ids[:limit], whole.start)
        assert end not in cut.ids[cut.start :]


@pytest.mark.parametrize("place", [WHISPERS, ORACLE])
def test_a_token_of_prompt_and_answer_together_is_the_prompts(place):
    """As many tokens stay unlabelled as the prompt alone has; generation begins with the latter."""
    question, answer = pair(place)
    encoder = Encoder(llama2(), "llama2", 500)
    example, prompt = encoder.encode(question, answer), encoder.prompt_ids(question)
    assert (prompt[-1], example.ids[example.start - 1]) == (29962, 18017)  # "]" and ']"'
    assert list(example.ids[: example.start - 1]) == prompt[:-1]


@pytest.mark.parametrize("place", PHI)
def test_phi_with_its_tag_in_the_prompt(place):
    prompt, labels = PHI[place]
    encoder = Encoder(phi(), "phi_prompted", 500)
    assert split(encoder.encode(*pair(place))) == ([*prompt, *labels[:2]], labels[2:])
    assert encoder.prompt_ids(pair(place)[0]) == [*prompt, *labels[:2]]


@pytest.mark.parametrize(("place", "first"), [*zip(PHI, (8241, 2061, 6090), strict=True)])
def test_the_space_of_plain_is_the_answers(place, first):
    """'?' | ' William': the space between question and answer costs the answer no token."""
    prompt, labels = split(Encoder(phi(), "plain", 500).encode(*pair(place)))
    # The question's first word has no space before it, so its id is another than in Phi's.
    assert prompt == [first, *PHI[place][0][3:-1]]
    assert labels == PHI[place][1][2:]


@pytest.mark.parametrize("end", ["<|eot_id|>", "<|end_of_text|>"])
def test_an_answer_of_llama3_ends_its_turn_whatever_the_tokenizer_calls_end(end):
    encoder = Encoder(llama3(end), "llama3", 500)
    example = encoder.encode(*pair(SHAKESPEARE))
    assert split(example)[1] == LLAMA3[SHAKESPEARE][1]
    assert encoder.end == 128009
