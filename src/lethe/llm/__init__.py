"""Asking a language model behind any OpenAI-compatible service, and losing nothing of what it says.

``settings`` tells which service and at what price, ``client.Client`` asks it, ``journal.Journal``
keeps every answer, ``structured`` turns answers into checked data. Importing this package, its
settings or its journal does not import ``openai``.
"""
