"""What a bundle says of itself: its line, the glibc that it needs, and its list of packages."""

from release.bundle import PLACE, install_line, least_glibc
from release.sbom import with_hashes


def test_the_line_asks_no_index_and_compares_hashes() -> None:
    line = install_line("3.12")
    assert line.startswith(f"python3.12 -m venv {PLACE} && ")
    assert "--no-index" in line
    assert "--require-hashes" in line


def test_the_glibc_of_a_bundle_is_that_of_its_most_demanding_wheel() -> None:
    old = "a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
    new = "b-1-cp311-abi3-manylinux_2_34_x86_64.whl"
    assert least_glibc([old, "c-1-py3-none-any.whl"]) == 17
    assert least_glibc([old, new]) == 34
    assert least_glibc(["d-1-cp36-abi3-manylinux2010_x86_64.whl"]) == 12
    assert least_glibc(["c-1-py3-none-any.whl", "e-1-cp311-cp311-macosx_11_0_arm64.whl"]) is None


def test_the_list_of_packages_has_what_came_from_the_bundle_with_its_hash() -> None:
    names = ("pip", "device-console", "rpds-py")
    made = with_hashes(
        {
            "metadata": {},
            "components": [
                {"name": name, "bom-ref": name, "externalReferences": [{"url": f"file:///tmp/x/{name}.whl"}]}
                for name in names
            ],
            "dependencies": [{"ref": name, "dependsOn": ["pip", "rpds-py"]} for name in names],
        },
        {"rpds_py-1-cp311.whl": "aa", "device_console-1-py3.whl": "bb"},
    )
    assert [part["name"] for part in made["components"]] == ["rpds-py"]
    assert made["components"][0]["hashes"] == [{"alg": "SHA-256", "content": "aa"}]
    assert made["components"][0]["externalReferences"] == [{"url": "rpds-py.whl"}]
    assert made["metadata"]["component"]["hashes"][0]["content"] == "bb"
    assert made["dependencies"] == [
        {"ref": "device-console", "dependsOn": ["rpds-py"]},
        {"ref": "rpds-py", "dependsOn": ["rpds-py"]},
    ]
