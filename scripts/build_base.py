"""Builds jelai/base: Debian 13 with Python 3.13, from the official image or from Debian's archive.

`build_base(log)` says which way it went: pulled where a registry answers, else bootstrapped. Nothing is done while what
goes in is what it was (.build/base/result.json) and the image is still there; `--refresh` takes the newest packages of
the archive all the same. The same packages make the same image id: mmdebstrap's tar and BuildKit's `FROM scratch`
depend on nothing but their content and one fixed date.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "ansible" / "module_utils"))  # the one place that knows how to ask apt

import debian_sources  # noqa: E402

RECIPE = ROOT / "images" / "base"
WORK = ROOT / ".build" / "base"
TAG = "jelai/base:dev"
APT_OPTIONS = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::https::CAInfo", "Acquire::Retries")
# What Debian's tools leave behind that says where or when the image was made. The byte code of debpython, which only
# matters while packages are installed, came out different on two hosts; all else was the same.
TRACES = (
    *("etc/apt/sources.list", "etc/apt/sources.list.d/*", "etc/apt/apt.conf.d/99mmdebstrap"),
    *("etc/resolv.conf", "etc/hostname", "usr/share/python3/debpython/__pycache__"),
)

SECRETS = {"sources": "sources.list", "aptconf": "apt.conf"}

Log = Callable[[str], None]


class BaseError(Exception):
    """The base image cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Recipe:
    """images/base/source.toml and the settings that bear on it."""

    codename: str
    debian_image: str
    epoch: int
    packages: list[str]
    path_exclude: list[str]
    path_include: list[str]
    apt_options: tuple[str, ...]

    @property
    def dpkg_options(self) -> list[str]:
        return [f"path-exclude={p}" for p in self.path_exclude] + [f"path-include={p}" for p in self.path_include]

    def digest(self) -> str:
        """Changes when anything changes that could change the image, the state of the archive apart."""
        parts = [repr(self), *(os.environ.get(name, "") for name in ("APT_MIRROR", "APT_SECURITY_MIRROR"))]
        files = [RECIPE / "Dockerfile", Path(__file__), Path("/etc/apt/sources.list")]
        files += sorted(Path("/etc/apt/sources.list.d").glob("*"))
        parts += [file.read_text() for file in files if file.is_file()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def run(*argv: str, env: Mapping[str, str] | None = None) -> str:
    """Run a program and give what it printed; its own last words when it fails."""
    try:
        whole = {**os.environ, **(env or {})}
        done = subprocess.run(argv, capture_output=True, text=True, env=whole, check=False)
    except FileNotFoundError:
        raise BaseError(f"{argv[0]} is not installed; `make images` installs what the build needs") from None
    if done.returncode:
        last_words = (done.stderr or done.stdout)[-3000:].strip()
        raise BaseError(f"{' '.join(argv[:3])} … ended with {done.returncode}:\n{last_words}")
    return done.stdout


def host_sources(codename: str) -> str:
    """The sources of a Debian release in one-line form: APT_MIRROR's, or those this host is configured with."""
    mirror, security = os.environ.get("APT_MIRROR", ""), os.environ.get("APT_SECURITY_MIRROR", "")
    if mirror:
        suites = [debian_sources.Source(mirror.rstrip("/"), codename + pocket) for pocket in ("", "-updates")]
        if security:
            suites.append(debian_sources.Source(security.rstrip("/"), f"{codename}-security"))
        return debian_sources.one_line(suites)
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    host = release.get("VERSION_CODENAME", "").strip('"')
    found = debian_sources.parse(run(*debian_sources.QUESTION), host, codename)
    if not found:  # a machine on which nobody ran `apt-get update` yet
        run("apt-get", "update", "-q")
        found = debian_sources.parse(run(*debian_sources.QUESTION), host, codename)
    if not found:
        raise BaseError("this host's apt has no source of Debian's archive: set APT_MIRROR to the address of a mirror")
    return debian_sources.one_line(found)


def apt_options() -> tuple[str, ...]:
    """How this host's apt reaches the network (proxy, CA), and EXTRA_CA_BUNDLE on top of the system's CAs."""
    options = {}
    for line in run("apt-config", "dump").splitlines():
        key, _, value = line.partition(" ")
        if key in APT_OPTIONS:
            options[key] = value.strip('";')
    if extra := os.environ.get("EXTRA_CA_BUNDLE"):
        system = Path(options.get("Acquire::https::CAInfo", "/etc/ssl/certs/ca-certificates.crt"))
        bundle = WORK / "ca.pem"
        bundle.write_text((system.read_text() if system.exists() else "") + "\n" + Path(extra).read_text())
        options["Acquire::https::CAInfo"] = str(bundle)
    return tuple(f'{key} "{value}";' for key, value in sorted(options.items()))


def read_recipe() -> Recipe:
    """The recipe as it is on this host now."""
    WORK.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = tomllib.loads((RECIPE / "source.toml").read_text())
    settings["debian_image"] = os.environ.get("DEBIAN_IMAGE") or settings["debian_image"]
    if settings["debian_image"] and "@sha256:" not in settings["debian_image"]:
        raise BaseError(f"DEBIAN_IMAGE is {settings['debian_image']!r}: name it by digest, NAME@sha256:…")
    return Recipe(apt_options=apt_options(), **settings)


def bootstrap(recipe: Recipe) -> None:
    """Make .build/base/rootfs.tar of Debian's archive."""
    argv = ["mmdebstrap", "--variant=minbase", "--quiet", f"--include={','.join(recipe.packages)}"]
    argv += [f"--dpkgopt={option}" for option in recipe.dpkg_options]
    argv += [f"--aptopt={option}" for option in recipe.apt_options]
    argv += [f'--customize-hook=rm -rf "$1"/{trace}' for trace in TRACES]
    run(
        *argv,
        recipe.codename,
        str(WORK / "rootfs.tar"),
        str(WORK / "sources.list"),
        env={"SOURCE_DATE_EPOCH": str(recipe.epoch)},
    )


def docker_build(recipe: Recipe, how: str) -> str:
    """Build the image from .build/base; its id."""
    (WORK / "slim.cfg").write_text("".join(f"{option}\n" for option in recipe.dpkg_options))
    (WORK / "apt.conf").write_text(
        "".join(f"{option}\n" for option in recipe.apt_options)
        + 'Dir::Etc::SourceList "/run/secrets/sources";\nDir::Etc::SourceParts "/dev/null";\n'
    )
    arguments = {"SOURCE_DATE_EPOCH": str(recipe.epoch), "HOW": how, "PACKAGES": " ".join(recipe.packages)}
    if how == "pulled":
        arguments["DEBIAN_IMAGE"] = recipe.debian_image
    argv = ["docker", "buildx", "build", "--quiet", "--load", "--provenance=false", f"--file={RECIPE}/Dockerfile"]
    argv += [f"--tag={TAG}", f"--label=org.jelai.base={how}"]
    argv += [f"--build-arg={key}={value}" for key, value in arguments.items()]
    argv += [f"--secret=id={name},src={WORK / file}" for name, file in SECRETS.items()]
    run(*argv, str(WORK))
    return image_id(TAG)


def image_id(reference: str) -> str:
    """The id of an image on this engine, or nothing."""
    try:
        return run("docker", "image", "inspect", "--format={{.Id}}", reference).strip()
    except BaseError:
        return ""


def installed(image: str) -> list[str]:
    """Name=version of every Debian package in the image: what two images of different ids differ in."""
    ask = ("dpkg-query", "-Wf", "${Package}=${Version}\n")
    return run("docker", "run", "--rm", "--network=none", image, *ask).splitlines()


def make(recipe: Recipe, log: Log) -> tuple[str, str]:
    """Pull where that is asked for and possible, else bootstrap; the image's id and how it was made."""
    (WORK / "sources.list").write_text(host_sources(recipe.codename))
    if recipe.debian_image:
        log(f"base: pulling {recipe.debian_image}")
        try:
            run("docker", "pull", "--quiet", recipe.debian_image)
        except BaseError as error:
            log(f"base: no registry gave it, so the same release is bootstrapped ({str(error).splitlines()[-1]})")
        else:
            return docker_build(recipe, "pulled"), f"pulled {recipe.debian_image}"
    log(f"base: bootstrapping Debian {recipe.codename} from its archive, half a minute")
    bootstrap(recipe)
    return docker_build(recipe, "bootstrapped"), "bootstrapped from Debian's archive"


def build_base(log: Log = print, refresh: bool = False) -> dict[str, Any]:
    """Make jelai/base:dev if needed: its image id, how it was made, what went in, and whether it was made now."""
    recipe = read_recipe()
    digest, memory = recipe.digest(), WORK / "result.json"
    known = json.loads(memory.read_text()) if memory.exists() else {}
    if not refresh and known.get("digest_inputs") == digest and image_id(TAG) == known["image"]:
        log(f"base: unchanged, {known['image'][:19]}, {known['how']}")
        return {**known, "changed": False}
    image, how = make(recipe, log)
    packages = installed(image)
    (WORK / "packages.txt").write_text("\n".join(packages) + "\n")
    result = {
        "image": image,
        "how": how,
        "digest_inputs": digest,
        "digest_packages": hashlib.sha256("\n".join(packages).encode()).hexdigest(),
    }
    memory.write_text(json.dumps(result, indent=2) + "\n")
    log(f"base: {image[:19]}, {how}, {len(packages)} packages")
    return {**result, "changed": image != known.get("image")}


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds jelai/base:dev.")
    parser.add_argument("--refresh", action="store_true", help="take the archive's newest packages in any case")
    arguments = parser.parse_args()
    try:
        result = build_base(lambda line: print(line, file=sys.stderr, flush=True), arguments.refresh)
        print(json.dumps(result, indent=2))
    except BaseError as error:
        print(f"base: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
