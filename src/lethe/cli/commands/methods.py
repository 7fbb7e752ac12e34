"""``lethe methods``: methods and wrappers, their settings, and what they may need."""

import argparse


def add(commands) -> None:
    methods = commands.add_parser("methods", help="list the methods: kind, needs, passes, defaults")
    methods.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print every method, wrapper and need."""
    from lethe.unlearn import methods, needs, wrappers
    from lethe.unlearn.method import MethodSettings
    from lethe.unlearn.search_space import declared

    shared = _listed(MethodSettings().model_dump(mode="json"))
    print(f"Settings of every method that is trained, with their defaults:\n  {shared}\n")
    common = set(shared.split(", "))
    for name in methods.names():
        cls = methods.load(name)
        method = cls({}, name)
        listed = _listed(method.settings.model_dump(mode="json")).split(", ")
        passes = ", ".join(f"{count} {kind}" for kind, count in vars(method.passes).items())
        own = ", ".join(entry for entry in listed if entry not in common)
        ranges = declared(cls.settings_class)
        searched = ", ".join(f"{key} {entry}" for key, entry in ranges.items())
        _list_one(name, cls, method.needs, "the forget set", own)
        print(f"  passes of a batch: {passes}\n  searched: {searched}")
    print("\nWrappers of every method that minimises a loss (wrappers.NAME.SETTING):")
    for name in wrappers.names():
        wrapper = wrappers.load(name)({}, name)
        own = _listed(wrapper.settings.model_dump(mode="json"))
        _list_one(name, type(wrapper), wrapper.needs, "what the method needs", own)
    print("\nNeeds, besides the forget set:")
    for need in map(needs.load, needs.names()):
        print(f"{need.name}\n  {need.description}")


def _list_one(name: str, cls: type, needs: tuple[str, ...], beside: str, settings: str) -> None:
    print(f"{name} ({cls.kind}; {cls.paper})\n  {cls.__doc__.splitlines()[0]}")
    print(f"  needs: {', '.join(needs) or f'nothing besides {beside}'}")
    print(f"  settings: {settings or 'none of its own'}")


def _listed(settings: dict) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())
