"""Into a wheel go the workflow's own files besides the packages; all else says pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
# As they lie around src in a checkout, so below lethe_lab in a wheel.
WORKFLOW = ("Snakefile", "workflow", "config", "profiles", "envs", "bases")
UNWANTED = {"__pycache__", ".snakemake"}


def workflow_files() -> list[Path]:
    """Every file of the workflow, from here."""
    found = []
    for name in WORKFLOW:
        top = HERE / name
        found += [top] if top.is_file() else [file for file in top.rglob("*") if file.is_file()]
    kept = (file.relative_to(HERE) for file in sorted(found))
    return [file for file in kept if not UNWANTED & set(file.parts)]


class BuildWithWorkflow(build_py):
    """Copies the workflow beside the packages; an editable install finds it in the sources."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for target, source in self._copies().items():
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def _copies(self) -> dict[str, str]:
        """Sources by their place in the wheel."""
        carried = Path(self.build_lib, "lethe_lab")
        return {str(carried / file): str(HERE / file) for file in workflow_files()}

    def get_outputs(self, include_bytecode=1):
        return [*super().get_outputs(include_bytecode), *self._copies()]

    def get_output_mapping(self):
        return super().get_output_mapping() | self._copies()


setup(cmdclass={"build_py": BuildWithWorkflow})
