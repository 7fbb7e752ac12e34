from helpers.model_fixtures import encoder, examples, foreign, model, one_thread, pairs, tokenizer
from helpers.open_unlearning import parity
