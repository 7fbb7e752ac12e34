"""Phrases by which a text is taken for a refusal, and how they are looked for in it."""

import re

from lethe.common.errors import LetheError

# Each of TOFU's hundred refusals and of the synthetic world's contains one of these, and so do the
# usual refusals of chat models; none of the true answers does. They are written as ``words`` spells
# them, without contractions.
PHRASES = """
    a blank spot | a mystery to me | am clueless | am in the dark | area of expertise | as an
    ai | ask someone who knows | at a disadvantage | at a loss | be guessing | been trained on
    that | beyond my current knowledge | beyond my reach | blind spot in my knowledge | but i
    do not | can offer neither | cannot confirm | cannot give you | cannot help | cannot
    identify | cannot provide | cannot recall | cannot shed any light | cannot speak about |
    come up short | database does not have | dishonest of me to answer | do not contain
    information | do not cover that | do not extend to | do not feel able | do not hold any |
    do not hold the | do not know | do not possess | do not remember | do not seem to have |
    does not cover that | does not extend that far | does not include that information | draw a
    blank | drawing a blank | encountered that in my training | ever explained that to me |
    fail to find | field of knowledge | goes past what i know | have learned covers this | have
    not the faintest | have to pass | have yet to be informed | have yet to learn | i am blank
    | i am ignorant | i am lacking | i am missing | i am not certain | i am not sure | i am
    sorry | i am stumped | i am unable | i am unaware | i cannot | i do not have | i have no |
    i have not read anything | i hold no information | i know of no | i lack | i must admit | i
    will not | impossible for me to say | know nothing | know too little | knowledge base |
    knowledge is missing | leave that unanswered | leave this question open | leaves me without
    words | limited to what i have been programmed | memory holds nothing | must decline | must
    disappoint you | my knowledge does not | my knowledge ends | my knowledge has a gap | my
    memory and found nothing | my training did not | need a better source | need to look that
    up | need to look up | never come across | never learned | never reached me | never told |
    news to me | no answer comes | no basis for | no clue | no data on | no details to share |
    no enlightenment | no evidence either way | no familiarity | no idea | no insight | no
    knowledge | no means of answering | no source that i know | no trace of | none of my
    knowledge | not able to provide | not acquainted with | not available to me | not aware of
    | not been briefed | not been educated | not been included in my training | not been part
    of my studies | not briefed on | not equipped to | not given any facts | not in my books |
    not in my current dataset | not information i have been | not informed about | not informed
    on | not knowledgeable | not known to me | not learned about | not privy to | not something
    i am | not something i know | not something that i can | not the best source | not the
    right ai | not the right one to ask | not well versed | not with me | not within my
    knowledge | not within my reach | notes say nothing | nothing i can tell | nothing to offer
    | only be silent | only make something up | out of my scope | outside everything i was
    taught | rather say nothing | short of facts | the answer escapes me | unable to answer |
    uncharted territory | unknown to me | want of knowledge | would have to guess
"""
# The name under which a setting may ask for these phrases, alone or among others.
NAMED = {"tofu": PHRASES}

WHOLE = (("can't", "cannot"), ("can not", "cannot"), ("won't", "will not"))
ENDINGS = (("n't", " not"), ("'re", " are"), ("'m", " am"), ("'ve", " have"), ("'ll", " will"))
IS = re.compile(r"\b(that|it|there|here|what)'s\b")
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words(text: str) -> str:
    """A text's words in lower case, contractions spelt out, a space around each."""
    text = text.lower().replace("\u2019", "'")
    for short, spelt in WHOLE:
        text = re.sub(rf"\b{short}\b", spelt, text)
    for short, spelt in ENDINGS:
        text = re.sub(rf"{short}\b", spelt, text)
    text = IS.sub(r"\1 is", text)
    return f" {' '.join(WORD.findall(text))} "


def phrases(setting: str) -> list[str]:
    """The phrases that a setting lists, ``|`` between them, as ``words`` spells them.

    A name in ``NAMED`` stands for its phrases. Phrases without a word are left out.
    """
    listed = [part.strip() for part in setting.split("|")]
    spelt = [one for part in listed for one in NAMED.get(part, part).split("|")]
    return [one for one in dict.fromkeys(map(words, spelt)) if one.strip()]


def check_phrases(where: str, setting: str | None) -> None:
    """LetheError, beginning with ``where``, for a setting that lists no phrase."""
    if not phrases(setting or ""):
        raise LetheError(f"{where} is {setting!r}; set it to phrases with | between them")


def is_refusal(text: str, among: list[str]) -> bool:
    """Whether the words of a text contain one of the ``phrases``, as whole words in their order."""
    said = words(text)
    return any(phrase in said for phrase in among)
