#!/usr/bin/env python3
"""deploy/compose: docker-compose accepts the file, and every setting in it is one that its program knows.

No container is run: this machine needs no engine for it.
"""
import copy
import pathlib
import re
import subprocess

import harness
from harness import case, expect, expect_equal
import yaml

COMPOSE = harness.ROOT / "deploy" / "compose" / "compose.yaml"
IMAGE = "watchbell:dev"
SERVICES = {"tickets", "sla", "escalation", "notifications", "analytics"}


def config(path, *arguments):
    return subprocess.run(["docker-compose", "-f", str(path), "config", *arguments], capture_output=True, text=True,
                          env=harness.environment(), timeout=60)


def resolved():
    """The file as docker-compose understands it."""
    done = config(COMPOSE)
    expect_equal(done.returncode, 0, f"docker-compose config: {done.stderr}")
    return yaml.safe_load(done.stdout)


def flags_of(argv):
    """The flags a program knows, by its own help: without dashes in front."""
    program, *rest = argv
    words = [w for w in rest if not w.startswith("--")]
    asked = ["help", *words] if program == "watchbell" else ["--help"]
    done = subprocess.run([str(harness.BIN / program), *asked], capture_output=True, text=True,
                          env=harness.environment(), timeout=60)
    expect_equal(done.returncode, 0, f"{program} {' '.join(asked)}: {done.stderr}")
    return set(re.findall(r"^ +--([a-z-]+)", done.stdout, re.M)) | {"config"}


def unknown_settings(compose):
    """What a program started by this file would refuse, one line each."""
    wrong = []
    for name, service in compose["services"].items():
        if service["image"] != IMAGE:
            continue
        known = flags_of(service["command"])
        for variable in service.get("environment") or {}:
            flag = variable.removeprefix("WATCHBELL_").lower().replace("_", "-")
            if not variable.startswith("WATCHBELL_") or flag not in known:
                wrong.append(f"{name}: {variable}")
        for word in service["command"]:
            if word.startswith("--") and word[2:].split("=")[0] not in known:
                wrong.append(f"{name}: {word}")
    return wrong


@case
def the_file_is_accepted():
    done = config(COMPOSE, "-q")
    expect_equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "docker-compose config -q")


@case
def a_misspelt_word_in_it_is_not():
    text = COMPOSE.read_text()
    wrong = harness.temporary_folder() / "compose.yaml"
    for good, bad in (("healthcheck:", "heathcheck:"), ("service_healthy", "service_heathy"),
                      ("environment:", "enviroment:")):
        expect(good in text, f"the file says {good}")
        wrong.write_text(text.replace(good, bad))
        expect(config(wrong, "-q").returncode != 0, f"{bad} was accepted")


@case
def every_service_is_there_and_every_setting_is_known():
    compose = resolved()
    ours = {name for name, service in compose["services"].items() if service["image"] == IMAGE}
    expect_equal(ours, SERVICES | {"migrate", "topics"}, "services of our image")
    for name in SERVICES:
        expect_equal(compose["services"][name]["command"], [f"watchbell-{name}"], f"command of {name}")
    expect_equal(unknown_settings(compose), [], "settings the programs do not know")


@case
def a_misspelt_setting_is_found():
    compose = copy.deepcopy(resolved())
    environment = compose["services"]["notifications"]["environment"]
    environment["WATCHBELL_SMTP_URI"] = environment.pop("WATCHBELL_SMTP_URL")
    command = compose["services"]["migrate"]["command"]
    command[:] = [word.replace("--database-url", "--databse-url") for word in command]
    wrong = unknown_settings(compose)
    expect_equal(sorted(line.split("=")[0] for line in wrong),
                 ["migrate: --databse-url", "notifications: WATCHBELL_SMTP_URI"], "settings that were found wrong")


@case
def peers_and_ports_are_the_services_own():
    services = resolved()["services"]
    published = []
    for name in SERVICES:
        environment = services[name]["environment"]
        expect_equal(environment["WATCHBELL_ADVERTISE"], f"{name}:7700", f"address of {name}")
        for other in SERVICES:
            expect_equal(environment[f"WATCHBELL_PEERS_{other.upper()}"], f"{other}:7700", f"{name}'s way to {other}")
        published += [str(port).split(":")[-2] for port in services[name]["ports"]]
    expect_equal(len(set(published)), 2 * len(SERVICES), "published ports, each once")


@case
def no_image_names_a_registry():
    texts = [COMPOSE.read_text(), (harness.ROOT / "deploy" / "containers" / "Containerfile").read_text()]
    images = [image for text in texts for image in re.findall(r"^\s*(?:image:|FROM|ARG BASE=)\s*(\S+)", text, re.M)]
    expect(len(images) >= 5, f"images: {images}")
    for image in images:
        expect("." not in image.split("/")[0] or "/" not in image, f"{image} names a host")


@case
def the_image_is_made_of_what_the_build_needs():
    text = (harness.ROOT / "deploy" / "containers" / "Containerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M):
        for name in source.split():
            expect((pathlib.Path(harness.ROOT) / name).exists(), f"COPY {name}: there is none")
    runtime = text.split("FROM ")[-1]
    linked = subprocess.run(["ldd", *map(str, sorted(harness.BIN.glob("watchbell*")))], capture_output=True,
                            text=True).stdout
    for library, package in (("libpq.so.5", "libpq5"), ("librdkafka.so.1", "librdkafka1"),
                             ("libgrpc++.so.1.51", "libgrpc++1.51"), ("libical.so.3", "libical3"),
                             ("libsqlite3.so.0", "libsqlite3-0"),
                             ("libcurl.so.4", "libcurl4"), ("libyaml-cpp.so.0.7", "libyaml-cpp0.7"),
                             ("libjemalloc.so.2", "libjemalloc2"), ("libcpp-httplib.so.0.11", "libcpp-httplib0.11")):
        expect(library not in linked or package in runtime.split(), f"{library} is linked, {package} not installed")


if __name__ == "__main__":
    harness.main()
