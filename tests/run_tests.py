#!/usr/bin/env python3
"""Runs every test program of a build and ends with one line: "N passed, N failed".

usage: tests/run_tests.py BUILD_DIR [NAME...]

Programs: everything executable in BUILD_DIR/tests but *_bench, then tests/integration/*_test.py (each ends with
"N passed, M failed"). A failure stops nothing. A crash, a time-out or a missing verdict counts as one failure more.
Logs and results are kept in BUILD_DIR/test-results.

PostgreSQL and Kafka are started once for the whole run, in a temporary folder on free ports, and stopped at its end;
every program finds them in WATCHBELL_TEST_POSTGRES and WATCHBELL_TEST_KAFKA. A run of unit tests only starts none.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "deploy" / "local"))
import processes  # noqa: E402
import servers  # noqa: E402

TIMEOUT_SECONDS = 1800
SHOWN_LINES = 40  # of what a failed test said
VERDICT = re.compile(r"^(\d+) passed, (\d+) failed$")


class Outcome:
    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failed = []
        self.reasons = {}  # by failed test, where they are known
        self.skipped = []
        self.seconds = 0.0


def run_logged(argv, log_path, environment):
    """Exit status, negative for a signal, None after a time-out. Whatever it started ends with it."""
    mark = str(uuid.uuid4())
    environment = {**environment, "RUN_TESTS_MARK": mark}
    with open(log_path, "wb") as log:
        process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                   env=environment, start_new_session=True)
        try:
            return process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            for left in processes.with_variable("RUN_TESTS_MARK", mark):  # in sessions of their own
                left.kill()


def ended_badly(status):
    if status is None:
        return f"no end after {TIMEOUT_SECONDS} s"
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def read_gtest(outcome, status, result_path, log_path):
    """From the result file; after a crash there is none, and the log says how far it came."""
    if result_path.exists():
        for suite in json.loads(result_path.read_text())["testsuites"]:
            for test in suite["testsuite"]:
                name = f"{suite['name']}.{test['name']}"
                if test.get("failures"):
                    outcome.failed.append(name)
                    outcome.reasons[name] = "\n".join(failure["failure"] for failure in test["failures"])
                elif test.get("result") == "SKIPPED":
                    outcome.skipped.append(name)
                elif test.get("status") == "RUN":
                    outcome.passed += 1
        if status != 0 and not outcome.failed:
            outcome.failed.append(f"(the program itself: {ended_badly(status)})")
        return
    log = log_path.read_text(errors="replace")
    outcome.passed = len(re.findall(r"^\[       OK \] ", log, re.M))
    outcome.failed = re.findall(r"^\[  FAILED  \] (\S+?),? ", log, re.M)
    started = re.findall(r"^\[ RUN      \] (\S+)", log, re.M)
    outcome.failed.append(f"{started[-1] if started else '(at its start)'} (crashed: {ended_badly(status)})")


def read_verdict(outcome, status, log_path):
    lines = log_path.read_text(errors="replace").rstrip().splitlines()
    verdict = VERDICT.match(lines[-1].strip()) if lines else None
    if verdict:
        outcome.passed = int(verdict.group(1))
        outcome.failed = [line.strip() for line in lines if line.startswith("FAILED ")]
        while len(outcome.failed) < int(verdict.group(2)):
            outcome.failed.append("(see the log)")
    if not verdict or (status != 0 and not outcome.failed):
        outcome.failed.append(f"(no verdict: {ended_badly(status)})")


def run_program(program, results, build, servers_environment):
    # WATCHBELL_* is configuration of the programs under test: only the scripts, which know, are told where those are.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WATCHBELL_")}
    environment.update(servers_environment)
    if "WATCHBELL_CACHE" in os.environ:
        environment["WATCHBELL_CACHE"] = os.environ["WATCHBELL_CACHE"]
    outcome = Outcome(program.stem if program.suffix == ".py" else program.name)
    log_path, result_path = results / f"{outcome.name}.log", results / f"{outcome.name}.json"
    started = time.monotonic()
    if program.suffix == ".py":
        environment["WATCHBELL_BIN_DIR"] = str(build / "bin")
        environment["WATCHBELL_TEST_LOGS"] = str(results / f"{outcome.name}-logs")  # after a failure
        read_verdict(outcome, run_logged([sys.executable, str(program)], log_path, environment), log_path)
    else:
        status = run_logged([str(program), f"--gtest_output=json:{result_path}"], log_path, environment)
        read_gtest(outcome, status, result_path, log_path)
    outcome.seconds = time.monotonic() - started
    return outcome


def print_lines(lines):
    print("".join(f"    | {line}\n" for line in lines), end="")


def report(outcome, results):
    print(f"{outcome.name:<24} {outcome.passed:>5} passed {len(outcome.failed):>3} failed  {outcome.seconds:7.1f} s",
          flush=True)
    for name in outcome.skipped:
        print(f"    SKIPPED {name}")
    if not outcome.failed:
        return
    for name in outcome.failed:
        print(f"    FAILED  {name}")
        print_lines(outcome.reasons.get(name, "").splitlines()[:SHOWN_LINES])
    log_path = results / f"{outcome.name}.log"
    if len(outcome.reasons) < len(outcome.failed):
        print_lines(log_path.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
    print(f"    all of it: {log_path}", flush=True)


@contextlib.contextmanager
def servers_for(programs):
    """The servers' variables, while they run. Unit tests and the look at the sources need none."""
    if all(p.name.startswith("unit_") or p.name == "layering" for p in programs):
        yield {}
        return
    print("+ starting PostgreSQL and Kafka", flush=True)
    with servers.both() as (postgres, kafka):
        yield servers.test_environment(postgres, kafka)


def run_all(programs, results, build):
    """An outcome for each program. Servers that do not start are a failure of the run, not a reason to skip tests."""
    outcomes = []
    try:
        with servers_for(programs) as environment:
            for program in programs:
                outcomes.append(run_program(program, results, build, environment))
                report(outcomes[-1], results)
    except (RuntimeError, OSError) as error:
        outcomes.append(Outcome("servers"))
        outcomes[-1].failed.append(str(error))
        print(error, flush=True)
    return outcomes


def terminated(*_):
    sys.exit(128 + signal.SIGTERM)  # so that what was started is ended on the way out


def main():
    signal.signal(signal.SIGTERM, terminated)
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build, names = pathlib.Path(sys.argv[1]).resolve(), set(sys.argv[2:])
    programs = sorted(p for p in (build / "tests").iterdir()
                      if p.is_file() and os.access(p, os.X_OK) and not p.name.endswith("_bench"))
    if (build / "bin" / "watchbell").exists():  # a build without gRPC has none
        programs += sorted((ROOT / "tests" / "integration").glob("*_test.py"))
    if names:
        programs = [p for p in programs if p.name in names or p.stem in names]
    results = build / "test-results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    outcomes = run_all(programs, results, build)
    passed = sum(o.passed for o in outcomes)
    failures = [f"{o.name}: {name}" for o in outcomes for name in o.failed]
    if not programs:
        failures.append("there is nothing to run")
    if failures:
        print("\nFailed:")
        print("".join(f"  {failure}\n" for failure in failures))
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
