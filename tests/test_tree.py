"""What holds for the tree as a whole: locks, paths, sizes, documentation, examples."""

import importlib
import importlib.util
import json
import os
import re
import tomllib

import pytest

from tests.project import ROOT, project_files, read_text

LOCKS = ("base.lock", "dev.lock", "tests/browser/package-lock.json", "tests/browser/.npmrc")
MAX_LINES = 500
# Python files longer than MAX_LINES, each with the reason why it is still one noun.
LONG_FILES: dict[str, str] = {}

TEXTS = {name: text for name in project_files() if (text := read_text(name)) is not None}
DOCUMENTS = {name: text for name, text in TEXTS.items() if name.endswith(".md")}
SOURCES = {name: text for name, text in TEXTS.items() if name not in DOCUMENTS and "/vendor/" not in name}
DOCUMENTATION = "\n".join(DOCUMENTS.values())


def pins(lock):
    """Return the versions a lock pins, by package."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", TEXTS[lock], re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_hold_no_address(lock):
    """No lock names a registry: it installs from the one that the machine is set to."""
    assert re.findall(r"https?://\S+|--(?:extra-)?index-url\S*|--find-links\S*", TEXTS[lock]) == []


def test_every_pin_has_a_hash():
    """Each package of the Python locks is held to the content of its files."""
    for lock in ("base.lock", "dev.lock"):
        blocks = re.split(r"^(?=[A-Za-z0-9])", TEXTS[lock], flags=re.MULTILINE)[1:]
        assert blocks
        assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_tests_run_on_the_versions_that_run():
    """dev.lock pins every package of base.lock at the same version."""
    assert pins("base.lock").items() <= pins("dev.lock").items()


def test_locks_know_every_dependency():
    """A dependency added to pyproject.toml without `make lock` is seen."""
    project = tomllib.loads(TEXTS["pyproject.toml"])
    wanted = {re.match(r"[A-Za-z0-9._-]+", line).group() for line in project["project"]["dependencies"]}
    developed = {re.match(r"[A-Za-z0-9._-]+", line).group() for line in project["dependency-groups"]["dev"] if isinstance(line, str)}

    def normal(names):
        return {re.sub(r"[-_.]+", "-", name).lower() for name in names}

    assert normal(wanted) <= normal(pins("base.lock"))
    assert normal(wanted | developed) <= normal(pins("dev.lock"))


def test_no_path_of_one_machine():
    """No source names a home folder, the place of this checkout or a folder that happens to lie beside it."""
    beside = [f"../{entry.name}" for entry in ROOT.parent.iterdir() if entry.name != ROOT.name]
    places = [*beside, *([f"{ROOT}/"] if len(ROOT.parts) > 2 else [])]
    homes = re.compile(r"(?<![\w.])/(?:home|root|Users)/[.\w]")
    found = [(name, place) for name, text in SOURCES.items() for place in places if re.search(re.escape(place) + r"(?![\w-])", text)]
    found += [(name, match.group()) for name, text in SOURCES.items() for match in homes.finditer(text)]
    assert found == []


def test_long_python_files_are_listed_with_a_reason():
    """A Python file over 500 lines is either still one noun, and says why here, or should be split; the list holds no other."""
    long = {name for name, text in SOURCES.items() if name.endswith(".py") and text.count("\n") > MAX_LINES}
    assert long == set(LONG_FILES)
    assert all(LONG_FILES.values())


def test_every_make_target_is_in_the_readme():
    """What `make help` lists, the README shows."""
    targets = re.findall(r"^([a-z-]+):.*##", TEXTS["Makefile"], re.MULTILINE)
    assert {"setup", "run", "test", "check", "bench", "fuzz", "screenshots", "lock", "clean"} <= set(targets)
    assert [target for target in targets if f"make {target}" not in TEXTS["README.md"]] == []


def test_every_command_of_the_readme_exists():
    """A `make` target that the documents name is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", TEXTS["Makefile"], re.MULTILINE))
    named = set(re.findall(r"`{1,3}make ([a-z-]+)", DOCUMENTATION)) | set(re.findall(r"^make ([a-z-]+)", DOCUMENTATION, re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_links_between_documents_lead_somewhere(name):
    """A relative link or image of a document exists."""
    links = re.findall(r"\]\((?!https?://|mailto:|#|/)([^)#\s]+)", DOCUMENTS[name])
    assert [link for link in links if not os.path.lexists((ROOT / name).parent / link)] == []


def module(name):
    """Import a module of the project; skip while it is not written, but never because it is broken."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} does not exist yet")
    return importlib.import_module(name)


def commands(group, prefix=()):
    """Yield the words of each command of a Click group, hidden ones left out."""
    for word, command in group.commands.items():
        if not command.hidden:
            yield from commands(command, (*prefix, word)) if hasattr(command, "commands") else [" ".join((*prefix, word))]


def test_every_command_is_documented():
    """Each `pertimage …` command appears in a document."""
    group = importlib.import_module("typer.main").get_command(module("pertimage.web.cli").app)
    assert [command for command in commands(group) if f"pertimage {command}" not in DOCUMENTATION] == []


def routes(router):
    """Yield the paths of a router and of those it includes."""
    for route in router.routes:
        if hasattr(route, "original_router"):
            yield from routes(route.original_router)
        elif hasattr(route, "endpoint"):
            yield route.path


def test_every_route_is_documented():
    """Each address that the application answers appears in a document, its parameters written {…} or <…>."""
    app = module("pertimage.web.app").create_app()
    documented = re.sub(r"[{<][^}>\s]*[}>]", "{}", DOCUMENTATION)
    paths = {re.sub(r"{[^}]*}", "{}", path) for path in routes(app)}
    assert "/prescrire" in paths
    assert sorted(path for path in paths if path not in documented) == []


def example(name):
    """Return the FHIR resources that an example file holds: one, one a line, or the draft orders of a hook."""
    text = TEXTS[f"docs/exemples/{name}"]
    values = [json.loads(line) for line in text.splitlines()] if name.endswith(".ndjson") else [json.loads(text)]
    return [resource for value in values for resource in hook_resources(value)]


def hook_resources(value):
    """Return a resource itself, or what a CDS Hooks request carries."""
    if "hook" not in value:
        return [value]
    drafts = [entry["resource"] for entry in value["context"]["draftOrders"]["entry"]]
    return [*drafts, *(resource for resource in value.get("prefetch", {}).values() if resource)]


@pytest.mark.parametrize(
    "name", sorted(name.rsplit("/", 1)[1] for name in TEXTS if name.startswith("docs/exemples/") and name.endswith("json"))
)
def test_examples_are_valid_fhir(name):
    """Each example is made of valid R4 resources."""
    resources = example(name)
    assert resources
    for resource in resources:
        kind = resource["resourceType"]
        model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        model.model_validate_json(json.dumps(resource))


def test_examples_hold_no_identity():
    """The examples name nobody: no name, address, telephone or national identifier."""
    for name in [name for name in TEXTS if name.startswith("docs/exemples/")]:
        for key in ("family", "given", "telecom", "address", "1.2.250.1.213.1.4"):
            assert f'"{key}' not in TEXTS[name]


def test_licence_is_complete():
    """LICENSE is the EUPL 1.2 with its fifteen articles and its appendix."""
    text = TEXTS["LICENSE"]
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    assert [int(number) for number in re.findall(r"^(\d+)\.[A-Z]", text, re.MULTILINE)] == list(range(1, 16))
    assert "Appendix" in text
    assert "‘Compatible Licences’ according to Article 5 EUPL are:" in text
