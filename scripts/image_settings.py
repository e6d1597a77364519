"""What the builds of the images are told by the environment, checked; one sentence for each thing wrong."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LAYER_WORDS = ("auto", "required", "off")
PACKAGE_SETS = ("minimal", "scipy")
NPM_VARIABLES = ("NPM_REGISTRY", "NPM_CONFIG_REGISTRY", "npm_config_registry")
HOST_CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
FLUENT_BIT = Path(__file__).resolve().parent.parent / "images" / "user-notebook" / "fluent-bit.toml"
SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")


class SettingsError(Exception):
    """One or more settings are wrong; the message has one line for each."""


@dataclass(frozen=True)
class BuildSettings:
    """How to build the images."""

    ydoc_layer: str
    fluent_bit_layer: str
    notebook_packages: str
    fluent_bit_package: Path | None
    fluent_bit_repository: str
    fluent_bit_version: str
    fluent_bit_fingerprint: str
    base_image: str
    ca_bundle: Path | None
    extra_ca: bool
    pip_index_url: str
    npm_registry: str

    @property
    def layers(self) -> dict[str, str]:
        """Each layer and what is wanted of it."""
        return {"ydoc": self.ydoc_layer, "fluent-bit": self.fluent_bit_layer}

    @property
    def fluent_bit_source(self) -> str:
        """Where fluent-bit comes from: the operator's package goes first."""
        return "package" if self.fluent_bit_package else "repository" if self.fluent_bit_repository else "none"


def load(environ: Mapping[str, str] = os.environ) -> BuildSettings:
    """Read the settings; raise SettingsError with one line for each that is wrong."""
    wrong: list[str] = []

    def choice(name: str, allowed: tuple[str, ...]) -> str:
        value = environ.get(name, "").strip().lower() or allowed[0]
        if value not in allowed:
            wrong.append(f"{name}={environ[name]!r} is not valid: expected {', '.join(allowed[:-1])} or {allowed[-1]}.")
        return value

    def file(name: str) -> Path | None:
        value = environ.get(name, "").strip()
        if value and not Path(value).is_file():
            wrong.append(f"{name}={value!r} is not valid: there is no such file.")
        return Path(value).resolve() if value else None

    def fluent_bit() -> Path | None:
        value = environ.get("FLUENT_BIT_PACKAGE", "").strip()
        path = Path(value).resolve()
        if value and not (path.is_file() and path.suffix == ".deb") and not (path / "bin/fluent-bit").is_file():
            wrong.append(
                f"FLUENT_BIT_PACKAGE={value!r} is not valid: "
                "expected a Debian package (.deb), or a folder with bin/fluent-bit and its libraries in lib."
            )
        return path if value else None

    def matching(name: str, pattern: str, default: str, expected: str) -> str:
        value = environ.get(name, "").strip() or default
        if value and not re.fullmatch(pattern, value):
            shown = "" if "://" in value else f"={value!r}"  # an address can hold a password
            wrong.append(f"{name}{shown} is not valid: expected {expected}.")
        return value

    extra = file("EXTRA_CA_BUNDLE")
    pinned = tomllib.loads(FLUENT_BIT.read_text())
    settings = BuildSettings(
        ydoc_layer=choice("YDOC_LAYER", LAYER_WORDS),
        fluent_bit_layer=choice("FLUENT_BIT_LAYER", LAYER_WORDS),
        notebook_packages=choice("NOTEBOOK_PACKAGES", PACKAGE_SETS),
        fluent_bit_package=fluent_bit(),
        fluent_bit_repository=matching(
            "FLUENT_BIT_REPOSITORY", r"https?://[^\s\[\]]+", "", "an address, http:// or https://"
        ).rstrip("/"),
        fluent_bit_version=matching("FLUENT_BIT_VERSION", r"\d[\w.+~-]*", pinned["version"], "a version like 5.1.1"),
        fluent_bit_fingerprint=matching(
            "FLUENT_BIT_FINGERPRINT", r"[0-9A-F]{40}", pinned["fingerprint"], "40 hexadecimal digits, in capitals"
        ),
        base_image=environ.get("BASE_IMAGE", "").strip(),
        ca_bundle=extra or host_ca(environ),
        extra_ca=extra is not None,
        pip_index_url=environ.get("PIP_INDEX_URL", "").strip(),
        npm_registry=next((value for name in NPM_VARIABLES if (value := environ.get(name, "").strip())), ""),
    )
    if wrong:
        raise SettingsError("\n".join(wrong))
    return settings


def host_ca(environ: Mapping[str, str]) -> Path | None:
    """The CA bundle that this host's own clients were told to use: the builds' clients need the same."""
    for name in HOST_CA_VARIABLES:
        if (value := environ.get(name)) and Path(value).is_file():
            return Path(value).resolve()
    return None


def main() -> int:
    """Check the environment, say what is wrong, build nothing."""
    try:
        load()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
