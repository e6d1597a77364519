"""Builds the images and writes what came of it to .build/images.json.

A layer that is wanted `auto` and cannot be made is left out, and that is said here, in the image's labels, in its
/opt/juno/layers.json and in images.json. Settings: scripts/image_settings.py.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import build_base
import image_commands
import image_settings
from image_commands import Build, Outcomes
from image_settings import BuildSettings

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "images"
WORK = ROOT / ".build"
REQUIREMENTS = IMAGES / "user-notebook" / "requirements"
BUILDING = {"building": str(IMAGES / "building")}
"""What the builds of several images run."""
SERVICE = {"service": str(IMAGES / "service")}
"""The package that the HTTP services of a hub host share."""


@dataclass(frozen=True)
class Recipe:
    """An image that is built in one way: its folder, the Dockerfile's target, other folders that the build reads."""

    folder: str
    target: str = ""
    contexts: dict[str, str] = field(default_factory=dict)


RECIPES = {
    "hub": Recipe("hub", target="hub"),
    "proxy": Recipe("hub", target="proxy"),
    "socket-proxy": Recipe("socket-proxy"),
    "firewall": Recipe("firewall"),
    "tutor": Recipe("tutor", contexts=SERVICE | {"materials": str(IMAGES / "learning_materials")}),
    "collector": Recipe("collector", contexts=SERVICE),
}
ALL = ["user-notebook", *RECIPES]
LAYER_SETTING = {"ydoc": "YDOC_LAYER", "fluent-bit": "FLUENT_BIT_LAYER"}

Log = Callable[[str], None]
Result = dict[str, Any]


class BuildError(Exception):
    """An image cannot be built; the message says why. `output` is what the build printed."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class Builder:
    """Builds with one set of settings."""

    def __init__(self, settings: BuildSettings, log: Log, *, requirements: Path, tag: str, scratch: Path) -> None:
        self.settings, self.log, self.tag, self.scratch = settings, log, tag, scratch
        self.requirements = requirements
        (scratch / "nothing").mkdir()

    def base(self) -> Result:
        """The base image: ours, unless BASE_IMAGE names another."""
        if self.settings.base_image:
            return {"image": self.settings.base_image, "how": "given by BASE_IMAGE", "name": self.settings.base_image}
        made = build_base.build_base(self.log)
        # A build cannot start from an id, and a name that another build may move would be a race.
        name = f"jelai/base:{made['image'].removeprefix('sha256:')[:12]}"
        subprocess.run(["docker", "tag", made["image"], name], check=True)
        return {"image": made["image"], "how": made["how"], "name": name}

    def user_notebook(self, base: str) -> Result:
        """The image with the layers that are wanted and can be made."""
        settings = self.settings
        outcomes = image_commands.first_outcomes(settings.layers, fluent_bit_source=settings.fluent_bit_source)
        for layer, outcome in outcomes.items():
            self._refuse_if_required(layer, outcome)
        while True:
            try:
                image = self._run("user-notebook", self._user_notebook_build(base, outcomes))
            except BuildError as error:
                layer = image_commands.failed_layer(error.output)
                if not layer or not outcomes[layer]["installed"]:
                    raise
                outcomes[layer].update(installed=False, reason=image_commands.reason(error.output))
                self._refuse_if_required(layer, outcomes[layer])
                why = outcomes[layer]["reason"]
                self.log(f"user-notebook: the {layer} layer cannot be installed ({why}); building without it")
            else:
                for layer, outcome in outcomes.items():
                    self.log(
                        f"user-notebook: {layer} layer {image_commands.label(outcome)} (wanted: {outcome['wanted']})"
                    )
                return {"image": image, "layers": outcomes, "packages": settings.notebook_packages}

    def simple(self, name: str, base: str) -> Result:
        """An image of the table."""
        recipe = RECIPES[name]
        arguments, contexts = {"BASE_IMAGE": base}, BUILDING | recipe.contexts
        tag = f"jelai/{name}:{self.tag}"
        build = Build(IMAGES / recipe.folder, tag, arguments, contexts, self._secrets(), recipe.target)
        return {"image": self._run(name, build)}

    def _user_notebook_build(self, base: str, outcomes: Outcomes) -> Build:
        settings = self.settings
        wanted = outcomes["fluent-bit"]["installed"]
        packages = self._fluent_bit_package() if wanted else self.scratch / "nothing"
        contexts = BUILDING | {
            "requirements": str(self.requirements),
            "materials": str(IMAGES / "learning_materials"),
            "fluent-bit-package": str(packages),
        }
        arguments = {"BASE_IMAGE": base, "NOTEBOOK_PACKAGES": settings.notebook_packages}
        arguments["FLUENT_BIT_SOURCE"] = settings.fluent_bit_source if wanted else "none"
        arguments["FLUENT_BIT_VERSION"] = settings.fluent_bit_version
        arguments["FLUENT_BIT_FINGERPRINT"] = settings.fluent_bit_fingerprint
        arguments |= image_commands.layer_arguments(outcomes)
        arguments["VARIANT"] = "ydoc" if outcomes["ydoc"]["installed"] else "plain"
        tag = f"jelai/user-notebook:{self.tag}"
        return Build(IMAGES / "user-notebook", tag, arguments, contexts, self._secrets())

    def _fluent_bit_package(self) -> Path:
        """A folder with the operator's package, or with their tree as `tree`; an empty one if there is neither."""
        package, folder = self.settings.fluent_bit_package, self.scratch / "packages"
        if folder.exists():
            return folder
        folder.mkdir()
        if package and package.is_dir():
            shutil.copytree(package, folder / "tree", symlinks=True)
        elif package:
            shutil.copy(package, folder)
        return folder

    def _secrets(self) -> dict[str, Path]:
        """Files for the build's clients; they are mounted while a command runs and stay in no layer."""
        secrets: dict[str, Path] = {}
        if self.settings.ca_bundle:
            secrets["ca_bundle"] = self.scratch / "ca_bundle"
            system = image_settings.SYSTEM_CA
            public = system.read_bytes() if self.settings.extra_ca and system.exists() else b""
            secrets["ca_bundle"].write_bytes(public + self.settings.ca_bundle.read_bytes())
        if self.settings.pip_index_url:
            secrets["pip_index_url"] = self.scratch / "pip_index_url"
            secrets["pip_index_url"].write_text(self.settings.pip_index_url)
        if self.settings.fluent_bit_repository:
            secrets["fluent_bit_repository"] = self.scratch / "fluent_bit_repository"
            secrets["fluent_bit_repository"].write_text(self.settings.fluent_bit_repository)
        if self.settings.npm_registry:
            secrets["npm_registry"] = self.scratch / "npm_registry"
            secrets["npm_registry"].write_text(self.settings.npm_registry)
        if not self.settings.base_image:  # another base brings its own sources
            secrets["apt_sources"] = self.scratch / "apt_sources"
            if not secrets["apt_sources"].exists():
                secrets["apt_sources"].write_text(build_base.host_sources(build_base.read_recipe().codename))
        return secrets

    def _refuse_if_required(self, layer: str, outcome: dict[str, Any]) -> None:
        if outcome["wanted"] == "required" and not outcome["installed"]:
            raise BuildError(
                f"{LAYER_SETTING[layer]}=required, but the {layer} layer cannot be installed: {outcome['reason']}"
            )

    def _run(self, name: str, build: Build) -> str:
        """Run a build; the id of the image. Its output goes to .build/log."""
        started = time.monotonic()
        variant = build.arguments.get("VARIANT", "")
        self.log(f"{name}: building{f' with the {variant} layer' if variant == 'ydoc' else ''}")
        iidfile = self.scratch / "iid"
        done = subprocess.run(
            build.argv(iidfile), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        log_file = WORK / "log" / f"{'-'.join(filter(None, (name, build.arguments.get('VARIANT'))))}.log"
        log_file.parent.mkdir(parents=True, exist_ok=True)
        log_file.write_text(done.stdout)
        if done.returncode:
            why = image_commands.reason(done.stdout)
            raise BuildError(f"{name} cannot be built: {why} (the build's output is in {log_file})", done.stdout)
        image = iidfile.read_text().strip()
        self.log(f"{name}: {image[:19]} after {time.monotonic() - started:.0f} s")
        return image


def build(
    settings: BuildSettings, log: Log, *, requirements: Path, tag: str, only: list[str], output: Path
) -> dict[str, Result]:
    """Build what is wanted, one build at a time on this machine, and write the results to output."""
    WORK.mkdir(exist_ok=True)
    with (WORK / "build.lock").open("w") as lock, tempfile.TemporaryDirectory(dir=WORK) as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        builder = Builder(settings, log, requirements=requirements, tag=tag, scratch=Path(scratch))
        results: dict[str, Result] = json.loads(output.read_text()) if output.exists() else {}
        results["base"] = builder.base()
        if "user-notebook" in only:
            results["user-notebook"] = builder.user_notebook(results["base"]["name"])
        for name, recipe in RECIPES.items():
            if name in only and (IMAGES / recipe.folder / "Dockerfile").exists():
                results[name] = builder.simple(name, results["base"]["name"])
        part = output.with_suffix(".part")
        part.write_text(json.dumps(results, indent=2) + "\n")
        part.replace(output)
    return results


def build_all(settings: BuildSettings, log: Log) -> dict[str, Result]:
    """Build every image in the usual way."""
    return build(settings, log, requirements=REQUIREMENTS, tag="dev", only=ALL, output=WORK / "images.json")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Builds the images; settings come from the environment.")
    parser.add_argument("--only", action="append", choices=ALL, help="build this image (repeatable)")
    parser.add_argument("--requirements", type=Path, default=REQUIREMENTS, help="folder of the lock files")
    parser.add_argument("--tag", default="dev", help="tag of the images")
    parser.add_argument("--output", type=Path, default=WORK / "images.json", help="where the results go")
    parser.add_argument("--print", action="store_true", help="print the results too; words go to stderr then")
    options = parser.parse_args(arguments)
    words, requirements = sys.stderr if options.print else sys.stdout, options.requirements.resolve()
    told = {"requirements": requirements, "tag": options.tag, "only": options.only or ALL, "output": options.output}
    try:
        results = build(image_settings.load(), lambda line: print(line, file=words, flush=True), **told)
    except (image_settings.SettingsError, BuildError, build_base.BaseError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, image_settings.SettingsError) else 1
    if options.print:
        print(json.dumps(results))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
