"""The layers of docs/design.md, held against the imports as they are."""

import ast
import graphlib
import re

import pytest

from stabilitylab.workspace import ROOT

PACKAGES = ("stabilitylab", "autograder")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "bank" not in path.parts[:-2]  # answers as learners write them
}


def documented():
    """Folder -> its line in the list of docs/design.md, counted from the top."""
    section = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("## Who imports whom")[2]
    listed = re.findall(r"^    (\w+(?:  \w+)*)", section.partition("\n## ")[0], flags=re.MULTILINE)
    return {folder: line for line, folders in enumerate(listed) for folder in folders.split()}


def folder(module):
    """The layer a module belongs to: ``"training"`` of ``stabilitylab.training.loop``; None for the package itself."""
    package, _, rest = module.partition(".")
    return "autograder" if package == "autograder" else rest.partition(".")[0] or None


def imported(module):
    """The modules of ours that a module imports, anywhere in its code."""
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import, which this test does not follow"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            known = name if name in FILES else name.rpartition(".")[0]
            if known.partition(".")[0] in PACKAGES:
                yield known if known in FILES else name.partition(".")[0]


def test_every_folder_has_its_line_in_the_design():
    assert set(documented()) == {folder(module) for module in FILES} - {None}


@pytest.mark.parametrize("module", sorted(FILES))
def test_a_module_imports_only_from_the_layers_above_its_own(module):
    layers, own = documented(), folder(module)
    for other in map(folder, imported(module)):
        if other != own and other is not None:
            assert layers[other] < layers[own], f"{module} imports from {other}, which docs/design.md does not put above {own}"


def test_no_modules_import_each_other_in_a_circle():
    graph = {module: {other for other in imported(module) if other != module} for module in FILES}
    list(graphlib.TopologicalSorter(graph).static_order())
