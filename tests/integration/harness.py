"""What the integration scripts share: `watchbell serve` as a child process, one line per test case, a verdict.

A script defines its cases with @case and ends with main(). WATCHBELL_BIN_DIR (or WATCHBELL_BIN) names the folder of the
programs, build/release/bin by default. Nothing sleeps: every wait is for a line, a socket or an event, with a limit.
"""
import os
import sys

try:
    import grpc  # noqa: F401
except ImportError:  # another python3 stands first in the path: Debian's has the packages
    if sys.executable == "/usr/bin/python3" or not os.path.exists("/usr/bin/python3"):
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

import http.client
import json
import pathlib
import select
import shutil
import subprocess
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "local"))  # servers, services, stack, smtp_sink
BIN = pathlib.Path(os.environ.get("WATCHBELL_BIN_DIR") or os.environ.get("WATCHBELL_BIN") or
                   ROOT / "build" / "release" / "bin").resolve()
WATCHBELL = BIN / "watchbell"
# Generous: the machine may be busy with other things.
START_SECONDS = 60
STOP_SECONDS = 60

_cases = []
_folders = []
_at_end = []
_when_failed = []


def case(function):
    """Marks a test case; cases run in the order of the file."""
    _cases.append(function)
    return function


class Failure(AssertionError):
    """A test case that found something wrong."""


class Skip(Exception):
    """A test case that cannot be run here, and why. It counts neither way."""


def expect(condition, what):
    if not condition:
        raise Failure(what)


def expect_equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")


def temporary_folder():
    """A new folder that goes with the script."""
    _folders.append(tempfile.mkdtemp(prefix="watchbell-test-"))
    return pathlib.Path(_folders[-1])


def at_end(function):
    """Has it called when the script ends, however that comes, before its folders go."""
    _at_end.append(function)


def when_failed(function):
    """Has it called after each case that failed: it prints what helps to see why."""
    _when_failed.append(function)


def keep_logs():
    """The logs below the script's folders, which go, in the folder that tests/run_tests.py names."""
    if "WATCHBELL_TEST_LOGS" not in os.environ:
        return
    kept = pathlib.Path(os.environ["WATCHBELL_TEST_LOGS"])
    for folder in map(pathlib.Path, _folders):
        for log in folder.rglob("*.log"):
            if log.is_file() and "data" not in log.relative_to(folder).parts:  # Kafka calls its data logs
                (kept / folder.name).mkdir(parents=True, exist_ok=True)
                shutil.copy(log, kept / folder.name / "-".join(log.relative_to(folder).parts))


def main():
    """Runs the cases named on the command line, or all. The last line is "N passed, M failed"."""
    wanted = sys.argv[1:]
    passed, failed = 0, []
    started_all = time.monotonic()
    try:
        for function in _cases:
            if wanted and function.__name__ not in wanted:
                continue
            started = time.monotonic()
            try:
                function()
                passed += 1
                print(f"ok     {function.__name__}  ({time.monotonic() - started:.1f} s)", flush=True)
            except Skip as why:
                print(f"NOT CHECKED {function.__name__}: {why}", flush=True)
            except Exception as error:  # one case's failure stops no other
                failed.append(function.__name__)
                if not isinstance(error, Failure):
                    traceback.print_exc()
                print(f"FAILED {function.__name__}: {error}", flush=True)
                for tell in _when_failed:
                    tell()
    finally:
        for function in reversed(_at_end):
            function()
        Server.stop_all()
        if failed:
            keep_logs()
        for folder in _folders:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"({time.monotonic() - started_all:.1f} s)")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed or (wanted and passed == 0) else 0)


def poll(look, limit, every=0.05):
    """Calls look() until it says something true, `limit` seconds at most; its last answer."""
    until = time.monotonic() + limit
    while True:
        found = look()
        if found or time.monotonic() > until:
            return found
        select.select([], [], [], every)


def environment(extra=None):
    """Ours without settings of whoever runs the test."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("WATCHBELL_")}
    own.update(extra or {})
    return own


def run(*arguments, env=None, limit=120, input_text=None, cwd=None):
    """One run of the command line to its end: exit status, standard output, standard error."""
    done = subprocess.run([str(WATCHBELL), *map(str, arguments)], env=environment(env), capture_output=True,
                          text=True, timeout=limit, input=input_text, cwd=cwd)
    return done


class Server:
    """`watchbell serve` on ports of its own. Its log lines are kept in `lines`."""

    _running = set()

    def __init__(self, data, *flags, env=None, program=None, prefix=()):
        self.data = pathlib.Path(data)
        self._arguments = [*map(str, prefix), *(program or [str(WATCHBELL), "serve"]), f"--data-dir={self.data}",
                           *flags]
        if not any(flag.startswith("--listen=") for flag in flags):
            self._arguments.append("--listen=127.0.0.1:0")
        if not any(flag.startswith("--admin-listen=") for flag in flags):
            self._arguments.append("--admin-listen=127.0.0.1:0")
        self._env = environment(env)
        self.process = None
        self.lines = []
        self._changed = threading.Condition()
        self._at_end = False

    def start(self):
        """Starts the process and waits until it says that it is ready; raises Failure with its log otherwise."""
        self.launch()
        if not self.wait_ready():
            self.kill()
            raise Failure("watchbell serve did not become ready:\n" + self.log())
        return self

    def launch(self):
        self.lines, self._at_end = [], False
        self.process = subprocess.Popen(self._arguments, env=self._env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        Server._running.add(self)
        self._reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self._reader.start()

    def _read(self, stream):
        for line in stream:
            with self._changed:
                self.lines.append(line.decode(errors="replace").rstrip())
                self._changed.notify_all()
        with self._changed:
            self._at_end = True
            self._changed.notify_all()

    def wait_line(self, text, limit=START_SECONDS):
        """The first log line that holds `text`, or None at the end of the log or of the limit."""
        def find():
            return next((line for line in self.lines if text in line), None)
        with self._changed:
            self._changed.wait_for(lambda: find() or self._at_end, limit)
            return find()

    def wait_ready(self):
        line = self.wait_line('"ready"')
        if line is None:
            return False
        fields = json.loads(line)
        self.grpc_port, self.admin_port = int(fields["grpc_port"]), int(fields["admin_port"])
        return poll(lambda: self.readiness()[0] == 200, START_SECONDS)

    @property
    def target(self):
        return f"127.0.0.1:{self.grpc_port}"

    def get(self, path):
        """(status, body) of the admin port; (0, why) if it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError as error:
            return 0, str(error)
        finally:
            connection.close()

    def readiness(self):
        return self.get("/readyz")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, and its end."""
        if self.process is not None:
            self.process.kill()
            self._ended()

    def terminate(self):
        """SIGTERM, and its exit status; None if it does not end."""
        self.process.terminate()
        try:
            return self._ended()
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def _ended(self):
        status = self.process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
        Server._running.discard(self)
        return status

    def log(self):
        return "\n".join(self.lines[-40:])

    @classmethod
    def stop_all(cls):
        for server in list(cls._running):
            server.kill()
