"""Tables as Markdown; apart from what shapes their numbers, which not every table has."""

from tabulate import tabulate


def markdown_table(rows: list[dict]) -> str:
    """A Markdown table of ready-made text; numbers are not parsed again."""
    headers = {key: key for key in rows[0]} if rows else "keys"
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True) + "\n"
