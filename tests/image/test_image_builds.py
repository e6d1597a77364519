"""Builds: layers that cannot be made, bases that are not ours, indexes and CAs that must leave no trace."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from apt_repository import apt_repository, forge
from containers import Stand, image
from docker.errors import ImageNotFound
from package_index import PASSWORD, package_index
from wheels import lock_of, make_wheel
from workshop import REQUIREMENTS, TAG, Workshop

HERE = Path(__file__).parent


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    yield Workshop(tmp_path)
    client = docker.from_env()
    for name in ("user-notebook", "stacks-like"):
        try:
            client.images.remove(f"jelai/{name}:{TAG}")
        except ImageNotFound:
            continue


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A Debian package where fluent-bit's would be; its program says with what it was called."""
    root = tmp_path / "package"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: fluent-bit\nVersion: 5.1.1\nArchitecture: all\nMaintainer: test\nDescription: stands for fluent-bit\n"
    )
    program = root / "opt/fluent-bit/bin/fluent-bit"
    program.parent.mkdir(parents=True)
    program.write_text(
        '#!/bin/bash\necho "fluent-bit $* to $COLLECTOR_HOST:$COLLECTOR_PORT$COLLECTOR_PATH"\n'
        "[[ $1 == --version ]] || exec sleep 600\n"
    )
    program.chmod(0o755)
    file = tmp_path / "fluent-bit.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", str(root), str(file)], check=True, capture_output=True)
    return file


@pytest.mark.timeout(400)
def test_a_ydoc_layer_that_cannot_be_installed_is_left_out_and_everybody_is_told(
    workshop: Workshop, own_place: Stand
) -> None:
    workshop.spoil("jupyter-ydoc.lock", "jupyter-collaboration")
    built = workshop.build(YDOC_LAYER="auto")
    assert built.code == 0, built.stderr
    assert "the ydoc layer cannot be installed" in built.stdout and "building without it" in built.stdout
    outcome = built.layers["ydoc"]
    assert (outcome["wanted"], outcome["installed"]) == ("auto", False)
    assert "jupyter-collaboration" in outcome["reason"]
    labels = docker.from_env().images.get(built.image).labels
    assert labels["org.jelai.layer.ydoc"] == f"missing: {outcome['reason']}"
    notebook = own_place.notebook(image_id=built.image)
    assert json.loads(notebook.exec("cat", "/opt/juno/layers.json").stdout)["ydoc"] == outcome
    assert notebook.wait_status(mode="socket")["ydoc_layer"] is False
    assert "YDoc dependencies not available - falling back to original implementation" in notebook.logs()


@pytest.mark.timeout(400)
def test_a_required_ydoc_layer_that_cannot_be_installed_fails_the_build_in_one_sentence(workshop: Workshop) -> None:
    workshop.spoil("juno-ydoc.lock", "pycrdt")
    built = workshop.build(YDOC_LAYER="required")
    assert (built.code, built.results) == (1, {})
    assert len(built.stderr.splitlines()) == 1
    assert built.stderr.startswith("YDOC_LAYER=required, but the ydoc layer cannot be installed: ")
    assert "pycrdt" in built.stderr


@pytest.mark.timeout(400)
def test_a_ydoc_layer_that_is_off_is_not_installed(workshop: Workshop, own_place: Stand) -> None:
    built = workshop.build(YDOC_LAYER="off")
    assert built.code == 0, built.stderr
    assert built.layers["ydoc"] == {"wanted": "off", "installed": False, "reason": "switched off"}
    assert docker.from_env().images.get(built.image).labels["org.jelai.layer.ydoc"] == "off"
    found = own_place.run(built.image, ["/opt/jupyter/bin/python", "-c", "import jupyter_collaboration"])
    assert found.wait()["StatusCode"] == 1


@pytest.mark.parametrize("name", ["YDOC_LAYER", "FLUENT_BIT_LAYER", "NOTEBOOK_PACKAGES"])
def test_anything_else_is_refused_before_anything_is_built(workshop: Workshop, name: str) -> None:
    built = workshop.build(**{name: "banana"})
    assert (built.code, built.stdout) == (2, "")
    assert len(built.stderr.splitlines()) == 1 and f"{name}='banana' is not valid" in built.stderr


def test_a_failure_that_is_no_layers_fails_the_build(workshop: Workshop) -> None:
    (workshop.requirements / "juno.lock").write_text("no-such-package-of-jelai==1 --hash=sha256:" + "0" * 64 + "\n")
    built = workshop.build(YDOC_LAYER="auto")
    assert built.code == 1
    assert len(built.stderr.splitlines()) == 1 and "no-such-package-of-jelai" in built.stderr


@pytest.mark.timeout(400)
def test_an_operators_fluent_bit_package_is_installed_and_runs(
    workshop: Workshop, own_place: Stand, package: Path
) -> None:
    built = workshop.build(FLUENT_BIT_LAYER="required", FLUENT_BIT_PACKAGE=str(package))
    assert built.code == 0, built.stderr
    assert built.layers["fluent-bit"]["installed"]
    notebook = own_place.notebook(image_id=built.image, TELEMETRY_URL="http://collector:8005/ingest")
    notebook.wait_log("fluent-bit -c /etc/fluent-bit/to-collector.yaml to collector:8005/ingest")
    left = notebook.exec("sh", "-c", "ls /packages; find /var/lib/apt/lists /tmp -size +0 -type f").stdout
    assert left == ""


@pytest.mark.timeout(400)
def test_a_broken_fluent_bit_package_is_left_out_or_fails_the_build(workshop: Workshop, package: Path) -> None:
    package.write_bytes(b"no package")
    built = workshop.build(FLUENT_BIT_PACKAGE=str(package))
    assert built.code == 0 and not built.layers["fluent-bit"]["installed"] and built.layers["fluent-bit"]["reason"]
    assert built.layers["ydoc"]["installed"]
    refused = workshop.build(FLUENT_BIT_PACKAGE=str(package), FLUENT_BIT_LAYER="required")
    assert refused.code == 1 and refused.stderr.startswith("FLUENT_BIT_LAYER=required, but ")


@pytest.mark.timeout(400)
def test_a_tree_of_fluent_bit_is_installed_if_it_runs(workshop: Workshop, own_place: Stand, tmp_path: Path) -> None:
    program = tmp_path / "tree/bin/fluent-bit"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/bash\necho a tree says $*\n[[ $1 == --version ]] || exec sleep 600\n")
    program.chmod(0o755)
    built = workshop.build(FLUENT_BIT_LAYER="required", FLUENT_BIT_PACKAGE=str(tmp_path / "tree"))
    assert built.code == 0, built.stderr
    notebook = own_place.notebook(image_id=built.image, TELEMETRY_FORWARD="middleware:24224")
    notebook.wait_log("a tree says -c /etc/fluent-bit/to-middleware.yaml")
    program.write_text("#!/bin/bash\necho libsomething.so.1 is missing\nexit 127\n")
    refused = workshop.build(FLUENT_BIT_LAYER="required", FLUENT_BIT_PACKAGE=str(tmp_path / "tree"))
    assert refused.code == 1 and "fluent-bit does not run: libsomething.so.1 is missing" in refused.stderr


@pytest.mark.timeout(400)
def test_fluent_bit_comes_from_its_repository_if_that_is_signed_by_the_known_key(
    workshop: Workshop, own_place: Stand, package: Path, tmp_path: Path
) -> None:
    with apt_repository(package, tmp_path) as (address, fingerprint):
        settings = {"FLUENT_BIT_REPOSITORY": address, "FLUENT_BIT_LAYER": "required", "YDOC_LAYER": "off"}
        refused = workshop.build(**settings)
        assert refused.code == 1 and len(refused.stderr.splitlines()) == 1
        assert f"has the fingerprint {fingerprint}, expected C3C0A285" in refused.stderr
        settings["FLUENT_BIT_FINGERPRINT"] = fingerprint
        missing = workshop.build(**settings, FLUENT_BIT_VERSION="9.9.9")
        assert missing.code == 1 and "9.9.9" in missing.stderr
        built = workshop.build(**settings)
        assert built.code == 0, built.stderr
        assert built.layers["fluent-bit"]["installed"]
        forge(tmp_path)
        forged = workshop.build(**settings | {"FLUENT_BIT_VERSION": "5.1.2"})
        assert forged.code == 1 and "is not signed" in forged.stderr, forged.stderr
    notebook = own_place.notebook(image_id=built.image, TELEMETRY_URL="http://collector:8005/ingest")
    notebook.wait_log("fluent-bit -c /etc/fluent-bit/to-collector.yaml to collector:8005/ingest")
    left = notebook.exec(
        "sh", "-c", "ls -d /packages/* /downloaded/* /etc/apt/sources.list.d/*fluent*; which gpg"
    ).stdout
    assert left == ""


@pytest.mark.timeout(400)
def test_telemetry_that_needs_fluent_bit_without_it_is_told_by_the_health_check(own_place: Stand) -> None:
    notebook = own_place.notebook(healthy=False, TELEMETRY_FORWARD="middleware:24224")
    notebook.wait_log("shipper: TELEMETRY_FORWARD=middleware:24224 needs fluent-bit")
    notebook.wait_log("entered FATAL state", 60)
    assert notebook.exec("container-health").stdout == "fluent-bit is FATAL\n"
    assert notebook.get("api/status")["kernels"] == 0


def test_a_required_fluent_bit_layer_needs_a_package(workshop: Workshop) -> None:
    built = workshop.build(FLUENT_BIT_LAYER="required")
    assert built.code == 1
    assert "FLUENT_BIT_PACKAGE" in built.stderr and len(built.stderr.splitlines()) == 1


@pytest.mark.timeout(600)
def test_it_builds_and_runs_on_a_docker_stacks_image(workshop: Workshop, own_place: Stand) -> None:
    base, name = f"jelai/base:{image('base').removeprefix('sha256:')[:12]}", f"jelai/stacks-like:{TAG}"
    argv = ["docker", "buildx", "build", "--load", "--quiet", f"--tag={name}", f"--build-arg=BASE_IMAGE={base}"]
    subprocess.run([*argv, str(HERE / "docker_stacks_like")], check=True, capture_output=True)
    built = workshop.build(BASE_IMAGE=name)
    assert built.code == 0, built.stderr
    notebook = own_place.notebook(["--port=8888"], image_id=built.image)
    assert notebook.wait_status(mode="room")["ydoc_layer"]
    assert set(notebook.get("api/kernelspecs")["kernelspecs"]) == {"python3", "conda"}
    assert notebook.exec("find", "/opt/jupyter", "/opt/juno", "-writable", "!", "-type", "l").stdout == ""
    assert notebook.stop() < 5


def test_a_base_without_the_right_python_is_refused_in_one_sentence(workshop: Workshop) -> None:
    name = f"jelai/stacks-like:{TAG}"
    base = f"jelai/base:{image('base').removeprefix('sha256:')[:12]}"
    recipe = f"FROM {base}\nRUN rm /usr/bin/python3*\n"
    subprocess.run(
        ["docker", "buildx", "build", "--load", "--quiet", f"--tag={name}", "-"], input=recipe, text=True, check=True
    )
    built = workshop.build(BASE_IMAGE=name)
    assert built.code == 1
    assert len(built.stderr.splitlines()) == 1 and "no Python 3.13" in built.stderr


@pytest.fixture
def closed_network(workshop: Workshop, tmp_path: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """An index behind a password and a CA of its own that has all that the locks name, and the settings to use it."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    pip += ["--python-version=3.13", f"--dest={wheels}", f"--requirement={REQUIREMENTS / 'build.lock'}"]
    subprocess.run(pip, check=True)
    for name in ("jupyter", "juno"):
        (workshop.requirements / f"{name}.lock").write_text(lock_of(make_wheel(wheels, f"only_in_{name}")))
    with (workshop.requirements / "build.lock").open("a") as lock:
        lock.write(f"# {tmp_path}: so that nothing of this build is cached\n")
    with package_index(wheels, tmp_path) as (index, address, ca):
        base = f"jelai/base:{image('base').removeprefix('sha256:')[:12]}"
        yield index, {"PIP_INDEX_URL": address, "EXTRA_CA_BUNDLE": str(ca), "YDOC_LAYER": "off", "BASE_IMAGE": base}


@pytest.mark.timeout(400)
def test_index_password_and_ca_are_used_by_the_build_and_are_in_no_layer(
    workshop: Workshop, closed_network: tuple[Any, dict[str, str]], tmp_path: Path
) -> None:
    index, settings = closed_network
    built = workshop.build(**settings)
    assert built.code == 0, built.stderr
    assert {"/simple/uv/", "/simple/only-in-jupyter/", "/simple/only-in-juno/"} <= set(index.asked)
    secrets = [PASSWORD.encode(), *settings_lines(Path(settings["EXTRA_CA_BUNDLE"]))]
    saved = tmp_path / "image.tar"
    with saved.open("wb") as file:
        subprocess.run(["docker", "save", built.image], check=True, stdout=file)
    content = saved.read_bytes()
    assert b"only_in_juno" in content, "the layers are searched as they are, not packed"
    assert [secret for secret in secrets if secret in content] == []
    assert PASSWORD not in built.stdout + built.stderr


@pytest.mark.timeout(400)
def test_an_index_that_refuses_is_reported_without_its_password(
    workshop: Workshop, closed_network: tuple[Any, dict[str, str]]
) -> None:
    index, settings = closed_network
    wrong = settings["PIP_INDEX_URL"].replace(PASSWORD, "wrong-word")
    built = workshop.build(**(settings | {"PIP_INDEX_URL": wrong}))
    assert built.code == 1 and index.strangers > 0
    assert "wrong-word" not in built.stdout + built.stderr


def settings_lines(ca: Path) -> list[bytes]:
    """Lines of a certificate that can be in no other file."""
    return [line for line in ca.read_bytes().splitlines() if len(line) > 60]


@pytest.mark.timeout(600)
def test_the_scipy_set_is_importable_in_a_kernel(workshop: Workshop, own_place: Stand) -> None:
    built = workshop.build(NOTEBOOK_PACKAGES="scipy")
    assert built.code == 0, built.stderr
    program = "import matplotlib, numpy, pandas, scipy, sklearn, sympy, ipywidgets; print(numpy.arange(3).sum())"
    found = own_place.run(built.image, ["/opt/jupyter/bin/python", "-c", program])
    assert (found.wait()["StatusCode"], found.logs().strip()) == (0, b"3")
