from helpers.made_records import records, save
from helpers.model_fixtures import encoder, examples, model, one_thread, pairs, tokenizer
