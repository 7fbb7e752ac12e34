"""Asking a language model behind any OpenAI-compatible service, and losing nothing of what it says.

``settings`` tells which service and at what price, ``client.Client`` asks it through a
``connection``, ``probe`` finds out what it can do, ``journal.Journal`` keeps every answer,
``structured`` turns answers into checked data. Importing any of these does not import ``openai``.
"""
