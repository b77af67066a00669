"""A folder to install from without a network: ``python -m release.bundle PYTHON FOLDER`` makes and tries it.

It has the wheels of the lock and ours, with their hashes, for the Python named and this kind of machine. What cannot
be installed from it, or does not start, is not left behind.

Decided in docs/decisions/0075-a-release.md
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from release.build import ROOT, build, sha256
from release.sbom import sbom
from release.trial import install, start_s, try_demo

PLACE = "/opt/device-console"
_OLD_TAGS = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
_README = """\
# device-console {version}

For Python {python} on {platform}{glibc}, and no other: some wheels are compiled. No network is needed.

```sh
{line}
```

Any folder will do for {place}. The program is {place}/bin/device-console, its manual page and the completion for bash, zsh
and fish are in {place}/share. Without a database of yours, `{place}/bin/device-console` starts its own with demo data.

`requirements.txt` has the sha256 of each wheel, which pip compares; `sbom.cdx.json` lists all packages with hashes and
licences (CycloneDX), `licences.md` the licences for a reader.
"""


def install_line(python: str) -> str:
    """Return the line that installs from the bundle, for a reader in its folder."""
    return (
        f"python{python} -m venv {PLACE} && {PLACE}/bin/pip install --no-index --find-links wheels"
        " --require-hashes -r requirements.txt"
    )


def least_glibc(wheels: Iterable[str]) -> int | None:
    """Return the N of glibc 2.N that all these wheels need at least, None if none needs one."""
    needs = []
    for wheel in wheels:
        tags = re.findall(r"manylinux_2_(\d+)_|(manylinux(?:1|2010|2014))_", wheel.rsplit("-", 1)[-1])
        needs += [min(int(number) if number else _OLD_TAGS[old] for number, old in tags)] if tags else []
    return max(needs, default=None)


def make_bundle(python: Path, into: Path) -> Path:
    """Make a bundle in the folder `into` and return its own folder."""
    minor, platform, executable = _output(
        python,
        "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_platform(), sys.executable, sep='\\n')",
    ).splitlines()
    python = Path(executable)  # and not what passes its name on to it, such as pyenv's
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "bundle"
        wheels = made / "wheels"
        _download(python, Path(folder) / "downloads", wheels)
        ours = build(ROOT, Path(folder) / "dist").wheel
        shutil.copy(ours, wheels)
        version = ours.name.split("-")[1]
        hashes = {path.name: sha256(path) for path in sorted(wheels.iterdir())}
        lock = (ROOT / "requirements/run.txt").read_text("utf-8")
        our_line = f"device-console[embedded,metrics,ssh,web]=={version} --hash=sha256:{hashes[ours.name]}"
        (made / "requirements.txt").write_text(f"{our_line}\n{lock}", "utf-8")
        glibc = least_glibc(hashes)
        (made / "README.md").write_text(
            _README.format(
                version=version,
                python=minor,
                platform=platform,
                place=PLACE,
                line=install_line(minor),
                glibc=f" with glibc 2.{glibc} or newer" if glibc else "",
            ),
            "utf-8",
        )
        shutil.copy(ROOT / "docs/licences.md", made)
        shutil.copy(ROOT / "LICENSE", made)
        _try(made, minor, python, hashes)
        bundle = into / f"device-console-{version}-py{minor}-{platform}"
        shutil.rmtree(bundle, ignore_errors=True)
        into.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copytree(made, bundle))


def _download(python: Path, environment: Path, wheels: Path) -> None:
    """Get the wheels of the lock for this Python; pip compares their hashes."""
    subprocess.run([python, "-I", "-m", "venv", environment], check=True)
    pip = [str(environment / "bin/python"), "-I", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    which = ["--require-hashes", "--only-binary=:all:", "--no-deps", "-r", str(ROOT / "requirements/run.txt")]
    subprocess.run([*pip, "download", *which, "-d", str(wheels)], check=True)


def _try(bundle: Path, minor: str, python: Path, hashes: dict[str, str]) -> None:
    """Install from the bundle, start what is in it, and list what was installed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(
            0o711
        )  # the account of the embedded servers must get in, also when root makes this
        environment, home = Path(folder) / "environment", Path(folder) / "home"
        home.mkdir(mode=0o711)
        took = install(bundle, install_line(minor).replace(PLACE, str(environment)), python)
        print(f"installed without an index in {took:.1f} s", file=sys.stderr)
        (bundle / "sbom.cdx.json").write_text(sbom(environment, hashes), "utf-8")
        version, help_text = start_s(environment, "--version"), start_s(environment, "--help")
        print(f"starts: --version {version:.2f} s, --help {help_text:.2f} s", file=sys.stderr)
        print(f"the demo: {try_demo(environment, home)} devices", file=sys.stderr)


def _output(python: Path, code: str) -> str:
    return subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, text=True).stdout


def main(python: str, into: str) -> None:
    """Make and try a bundle, and print where it is."""
    bundle = make_bundle(Path(python), Path(into).absolute())
    size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    print(f"{bundle} ({size / 1e6:.0f} MB)")


if __name__ == "__main__":
    main(*sys.argv[1:])
