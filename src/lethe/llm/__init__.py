"""Asking a language model through any OpenAI-compatible service, and keeping every answer.

``settings`` says which service and at what price, ``client.Client`` asks it through a
``connection``, ``probe`` finds out what it supports, ``journal.Journal`` keeps every answer,
``structured`` turns answers into checked data. Importing any of these does not import ``openai``.
"""
