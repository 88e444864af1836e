"""The dependencies between the five folders, read from the code itself."""

import ast
import sys

import pytest

from tests.project import FOLDERS, ROOT, project_files

# guidelines <- cds <- fhir, audit <- web: a folder may use those below it, never those above or beside.
BELOW = {
    "guidelines": set(),
    "cds": {"guidelines"},
    "fhir": {"guidelines", "cds"},
    "audit": {"guidelines", "cds"},
    "web": {"guidelines", "cds", "fhir", "audit"},
}
# Installed libraries, for the two folders that must stay light.
LIBRARIES = {"guidelines": {"pydantic", "yaml"}, "cds": set()}
# What the core may take from the standard library: computation on values. No clock, disk, network, log, chance or process.
PURE = set(
    "__future__ abc bisect collections contextlib copy dataclasses datetime decimal difflib enum fractions functools graphlib hashlib "
    "heapq itertools json math operator re statistics string textwrap types typing unicodedata".split()
)
CLOCK = {"now", "today", "utcnow", "fromtimestamp", "utcfromtimestamp"}
OUTSIDE_WORLD = {"open", "print", "input", "eval", "exec", "compile", "__import__", "breakpoint"}


def imported(tree):
    """Yield (line, dotted name) for each thing that a module imports, wherever in the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, "." * node.level + ".".join(filter(None, (node.module, alias.name)))) for alias in node.names)


def import_faults(folder, source):
    """Return what a module of a folder imports against the table."""
    faults = []
    for line, name in imported(ast.parse(source)):
        top, _, rest = name.partition(".")
        if name.startswith("."):
            faults.append(f"{line}: relative import {name}")
        elif top == "pertimage":
            other = rest.split(".")[0]
            if other in FOLDERS and other != folder and other not in BELOW[folder]:
                faults.append(f"{line}: {folder} must not know {other}")
        elif top == "fhir":
            faults.extend(fhir_faults(folder, line, name))
        elif top in FOLDERS:
            faults.append(f"{line}: import pertimage.{name}, not {name}")
        elif folder in LIBRARIES and top not in sys.stdlib_module_names and top not in LIBRARIES[folder]:
            faults.append(f"{line}: {folder} must not need {top}")
    return faults


def fhir_faults(folder, line, name):
    """Hold an import of fhir.… : only fhir/ may, and only the R4B models (the bare ones are R5)."""
    if folder != "fhir":
        return [f"{line}: only fhir/ knows fhir.resources"]
    return [] if name.startswith("fhir.resources.R4B.") else [f"{line}: {name} is not an R4B model (the bare ones are R5)"]


def impurities(source):
    """Return what a module of the core does besides computing."""
    tree = ast.parse(source)
    faults = [
        f"{line}: {name}"
        for line, name in imported(tree)
        if name.split(".")[0] in sys.stdlib_module_names and name.split(".")[0] not in PURE
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCK:
            faults.append(f"{node.lineno}: reads the clock (.{node.attr})")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OUTSIDE_WORLD:
            faults.append(f"{node.lineno}: {node.func.id}()")
    return faults


def modules(*folders):
    """Return the Python files of some folders."""
    return [name for name in project_files() if name.endswith(".py") and name.split("/")[0] in folders]


@pytest.mark.parametrize("name", modules(*FOLDERS))
def test_dependencies_point_one_way(name):
    """A module imports only from the folders below its own, by the package's name, and R4B models only in fhir/."""
    assert import_faults(name.split("/")[0], (ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", modules("cds"))
def test_core_has_no_clock_disk_network_or_log(name):
    """A module of the core turns values into values."""
    assert impurities((ROOT / name).read_text()) == []


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("guidelines", "import pertimage.cds"),
        ("guidelines", "import sqlalchemy"),
        ("cds", "from pertimage import fhir"),
        ("cds", "def f():\n    from pertimage.audit.journal import Journal"),
        ("cds", "import pydantic"),
        ("cds", "from guidelines import base"),
        ("audit", "from pertimage.fhir.cards import card"),
        ("audit", "import fhir.resources.R4B.bundle"),
        ("fhir", "from fhir.resources.bundle import Bundle"),
        ("fhir", "from fhir.resources import get_fhir_model_class"),
        ("web", "from . import app"),
    ],
)
def test_a_wrong_import_is_seen(folder, source):
    """The check itself sees each kind of forbidden import."""
    assert len(import_faults(folder, source)) == 1


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("cds", "from pertimage.guidelines.words import fold"),
        ("fhir", "from fhir.resources.R4B.bundle import Bundle"),
        ("web", "from pertimage.audit import journal\nimport fastapi"),
        ("guidelines", "import yaml, pathlib"),
    ],
)
def test_a_right_import_passes(folder, source):
    """The check lets through what the table allows."""
    assert import_faults(folder, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import date\nday = date.today()",
        "import datetime as d\nclock = d.datetime.now",
        "import time",
        "def f():\n    import logging",
        "from pathlib import Path",
        "import os.path",
        "import random",
        "import urllib.request",
        "text = open('x').read()",
        "print('x')",
    ],
)
def test_an_impurity_is_seen(source):
    """The check itself sees a clock, a file, the network, a log, chance."""
    assert len(impurities(source)) == 1
