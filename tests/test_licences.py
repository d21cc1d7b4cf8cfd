"""The page on the dependencies is up to date, and nothing has a licence that the course may not use."""

import json
from importlib.metadata import distribution
from pathlib import Path

import licences
import pytest
from packaging.licenses import canonicalize_license_expression
from packaging.utils import canonicalize_name


def rows():
    """(package, version) -> licence, as the page says."""
    lines = licences.PAGE.read_text(encoding="utf-8").partition("\n## What stands inside")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {(name, version): licence for name, version, licence, _ in cells if name != "package"}


def test_the_page_lists_every_pin_and_nothing_else():
    wanted = licences.pinned()
    assert {(each.name, str(each.specifier).removeprefix("==")) for each in wanted} == rows().keys()


def test_the_page_says_of_each_package_what_the_installed_one_says():
    here = licences.installed()
    told = {name: licence for (name, _), licence in rows().items() if canonicalize_name(name) in here}
    assert told == {name: licences.licence(here[canonicalize_name(name)]) for name in told}
    assert len(told) > 100


def test_the_page_is_what_the_script_would_write():
    wanted = {canonicalize_name(each.name) for each in licences.pinned()}
    if missing := wanted - licences.installed().keys() - licences.READ.keys():
        pytest.skip(f"not installed here, as {sorted(missing)[0]}")
    assert licences.PAGE.read_text(encoding="utf-8") == licences.page()


def test_every_package_that_the_course_brings_has_a_licence_that_is_allowed():
    here = {name: licences.licence(package) for name, package in licences.of_the_course().items()}
    assert {name: said for name, said in here.items() if not licences.allowed(name, said)} == {}
    assert {"numpy", "contourpy", "pandas"} <= here.keys()  # what is needed by what is pinned is there, too


def test_every_package_of_another_system_has_one_too():
    assert {name: said for (name, _), said in rows().items() if not licences.allowed(name, said)} == {}


def test_each_licence_is_a_valid_expression():
    for said in rows().values():
        canonicalize_license_expression(said.replace("RSALv2", "LicenseRef-RSALv2"))


@pytest.mark.parametrize(
    "told",
    [
        "License: GPL-3.0-only",
        "License-Expression: AGPL-3.0-only AND MIT",
        "License-Expression: GPL-3.0-only AND (X OR MIT OR Y)",
        "License: Dual",
        "Summary: silent",
    ],
)
def test_a_licence_that_is_unknown_or_too_strict_is_found(tmp_path, told):
    (tmp_path / "odd-1.dist-info").mkdir()
    (tmp_path / "odd-1.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.4\nName: odd\n{told}\n")
    [odd] = licences.distributions(path=[str(tmp_path)])
    assert not licences.allowed("odd", licences.licence(odd))


# For diagrams and icons, as its makers pass them on. EPL asks what MPL does; OFL, not to sell the font alone.
IN_JUPYTERLAB = {
    "@fortawesome/fontawesome-free": "CC-BY-4.0 AND OFL-1.1 AND MIT",
    "elkjs": "EPL-2.0",
    "khroma": "",  # MIT, by the text beside it
}


def test_what_jupyterlab_carries_in_javascript_is_allowed():
    place = next(f for f in distribution("jupyterlab").files if f.name == "third-party-licenses.json")
    carried = json.loads(Path(place.locate()).read_text(encoding="utf-8"))["packages"]
    said = {each["name"]: each["licenseId"].strip("()") for each in carried}
    others = {name: licence for name, licence in said.items() if not licences.allowed(name, licence)}
    assert others == IN_JUPYTERLAB and len(said) > 50
