import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.project import FOLDERS, ROOT, project_files


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_is_linked_into_the_package(folder):
    """The import package reaches each folder of the root through a relative link."""
    link = ROOT / "src" / "pertimage" / folder
    assert link.is_symlink()
    assert os.readlink(link) == f"../../{folder}"
    assert link.resolve() == ROOT / folder


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_imports_under_the_package(folder):
    """`pertimage.<folder>` imports, from the top of the repository or from elsewhere."""
    for start in (ROOT, Path("/")):
        subprocess.run([sys.executable, "-c", f"import pertimage.{folder}"], cwd=start, check=True)


def test_fhir_folder_is_no_regular_package():
    """fhir/ has no __init__.py, which would hide the installed fhir.resources."""
    assert not (ROOT / "fhir" / "__init__.py").exists()


def test_fhir_resources_is_the_installed_one():
    """From the top of the repository, where a folder fhir/ stands, `fhir.resources` is still the library's."""
    code = "import fhir.resources.R4B.servicerequest as m; print(m.__file__)"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "site-packages" in shown


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel from a copy of the tree, so that no earlier build leaks into it."""
    copy = tmp_path_factory.mktemp("tree")
    for name in project_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    (copy / "fhir").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return next((copy / "dist").glob("*.whl"))


def test_wheel_holds_every_file_of_the_five_folders(wheel):
    """Code, sheets, templates, scripts and style sheets are all in the wheel: nothing is left behind by a missing pattern."""
    packed = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"pertimage/{name}" for name in project_files() if name.split("/")[0] in FOLDERS}
    assert not (expected | {"pertimage/py.typed"}) - packed


def test_wheel_holds_nothing_else(wheel):
    """Tests, tools and examples stay out of the wheel."""
    strangers = [name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith(("pertimage/", "pertimage-"))]
    assert strangers == []


def test_wheel_carries_the_licences(wheel):
    """The licence of the project and those of the files it redistributes travel with it."""
    licences = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/licenses/" in name}
    assert {"LICENSE", "htmx.LICENSE.txt"} <= licences


def test_wheel_works_without_the_sources(wheel, tmp_path):
    """Unpacked elsewhere, the wheel imports and reads its own rule base."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import pathlib, pertimage.audit, pertimage.cds, pertimage.fhir, pertimage.guidelines, pertimage.web\n"
        "folder = pathlib.Path(pertimage.guidelines.__file__).parent\n"
        "print(folder, *sorted(path.name for path in (folder / 'data').rglob('*.yaml')))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
    assert shown.startswith(str(tmp_path))
    assert "examens.yaml" in shown
