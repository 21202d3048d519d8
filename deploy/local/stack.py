"""The distributed form of Watchbell on this machine: Kafka, PostgreSQL, a mail server and the five services.

A stack lives in a folder:
  processes    one line each, "name pid address", of what was running when up or down ended
  state.json   ports, pids and start times
  data/        of Kafka and PostgreSQL; data/mail/*.eml
  logs/        one log each
  SERVICE.yaml settings of yours for one service, if you put a file there
It survives the script that started it if it is made with detached=True.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import processes  # noqa: E402
import servers  # noqa: E402
from services import SERVICES, Service, Smtp  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORTS = {"tickets": [7700, 7701], "sla": [7710, 7711], "escalation": [7720, 7721], "notifications": [7730, 7731],
         "analytics": [7740, 7741], "smtp": [7770], "postgres": [7780], "kafka": [7790, 7791]}
INFRASTRUCTURE = ("kafka", "postgres", "smtp")
NAMES = INFRASTRUCTURE + SERVICES
TOPICS_SECONDS = 240  # the program gives up earlier, and says why


class Stack:
    """All eight; `servers[name]` is each of them. One script at a time may change a stack: they wait for each other."""

    def __init__(self, folder=None, programs=None, free_ports=False, detached=False, flags=None, replicas=1):
        """`free_ports`: any ports instead of PORTS; a folder keeps what it got the first time.

        `flags`: more flags for a service, {"notifications": ["--webhook-secret=x"]}, or others instead of the stack's own.
        `replicas`: how many of each service the others know of; up starts the first, replica() makes the others.
        """
        self.folder = pathlib.Path(folder or ROOT / "build" / "local").resolve()
        self.programs = pathlib.Path(programs or ROOT / "build" / "release" / "bin").resolve()
        self.detached = detached
        self._flags = flags or {}
        self._more_ports = {name: [[servers.free_port(), servers.free_port()] for _ in range(replicas - 1)]
                            for name in SERVICES}
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            state = self._load()
            self.ports = state.get("ports") or {name: [servers.free_port() for _ in ports] if free_ports else ports
                                                for name, ports in PORTS.items()}
            self.servers = {name: self._make(name) for name in NAMES}
            self._adopt(state)

    def up(self):
        """Starts what does not run and waits until all serve; the names of what was started."""
        with self._alone():
            self._adopt(self._load())
            started = []
            try:
                self._begin(INFRASTRUCTURE, started)
                self._wait(INFRASTRUCTURE)
                if started or any(not self.servers[name].alive() for name in SERVICES):
                    self.run("migrate", f"--database-url={self.database_url}")
                    # It waits until the broker has made them: on a slow disk that takes half a minute.
                    self.run("topics", "--create", f"--kafka-brokers={self.brokers}", "--kafka-replication=1",
                             limit=TOPICS_SECONDS)
                self._begin(SERVICES, started)
                self._wait(SERVICES)
            finally:
                self._save()
            return started

    def down(self):
        """Ends all, the services first; the names of what ran and of those that had to be killed."""
        with self._alone():
            self._adopt(self._load())
            ran, killed = [], []
            for names in (SERVICES, INFRASTRUCTURE):
                running = [self.servers[name] for name in names if self.servers[name].alive()]
                for server in running:
                    server.ask_to_stop()
                ran += [server.name for server in running]
                killed += [server.name for server in running if not server.stop()]
            if ran or (self.folder / "state.json").exists():
                self._save()
            return ran, killed

    def running(self):
        """The names of what runs now; the file of processes is made true on the way."""
        with self._alone():
            self._adopt(self._load())
            if (self.folder / "state.json").exists():  # else it never was up, and has no ports yet
                self._save()
            return [name for name in NAMES if self.servers[name].alive()]

    def replica(self, service, number=2):
        """One more replica of a service on free ports, not started, and no part of up and down."""
        ports = self._more_ports[service][number - 2:number - 1] or [[]]
        return Service(service, self.programs, self.folder / "data", *ports[0], flags=self._service_flags(service),
                       log=self.folder / "logs" / f"{service}-{number}.log", detached=self.detached)

    def run(self, *arguments, limit=120):
        """One run of the command line to its end; what it printed. Raises with that if it fails."""
        done = subprocess.run([self.programs / "watchbell", *map(str, arguments)], stdin=subprocess.DEVNULL,
                              env=processes.clean_environment(), capture_output=True, text=True, timeout=limit)
        if done.returncode != 0:
            raise RuntimeError(f"watchbell {arguments[0]} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout

    @property
    def database_url(self):
        return self.servers["postgres"].url

    @property
    def brokers(self):
        return self.servers["kafka"].address

    def _make(self, name):
        ports = self.ports[name]
        more = {"log": self.folder / "logs" / f"{name}.log", "detached": self.detached}
        data = self.folder / "data"
        if name == "kafka":
            return servers.Kafka(data / "kafka", *ports, **more)
        if name == "postgres":
            return servers.Postgres(data / "postgres", *ports, **more)
        if name == "smtp":
            return Smtp(data / "mail", *ports, **more)
        return Service(name, self.programs, data, *ports, **more)

    def _service_flags(self, service):
        flags = [f"--database-url={self.database_url}", f"--kafka-brokers={self.brokers}"]
        flags += [f"--peers-{other}={self._target(other)}" for other in SERVICES]
        if service == "notifications":
            flags += [f"--smtp-url=smtp://{self.servers['smtp'].address}", "--smtp-tls=off"]
        more = self._flags.get(service, [])
        given = {flag.split("=")[0] for flag in more}
        flags = [flag for flag in flags if flag.split("=")[0] not in given]
        own = self.folder / f"{service}.yaml"
        return [*flags, *([f"--config={own}"] if own.exists() else []), *more]

    def _target(self, service):
        addresses = ",".join(f"127.0.0.1:{ports[0]}" for ports in [self.ports[service], *self._more_ports[service]])
        return f"ipv4:{addresses}" if self._more_ports[service] else addresses

    def _begin(self, names, started):
        for name in names:
            server = self.servers[name]
            if server.alive():
                continue
            if name in SERVICES:
                server.flags = self._service_flags(name)
            server.begin()
            started.append(name)
            self._save()  # at once: an up that is interrupted leaves nothing that down does not know

    def _wait(self, names):
        for name in names:
            self.servers[name].wait_ready()

    @contextlib.contextmanager
    def _alone(self):
        with open(self.folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _load(self):
        path = self.folder / "state.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _adopt(self, state):
        """Finds what earlier scripts started. A pid of before the machine's last start says nothing."""
        known = state.get("processes", {}) if state.get("boot") == processes.boot() else {}
        for name, server in self.servers.items():
            if not server.alive() and name in known:
                server.process = processes.Process(*known[name])

    def _save(self):
        alive = {name: server for name, server in self.servers.items() if server.alive()}
        state = {"boot": processes.boot(), "ports": self.ports,
                 "processes": {name: [server.pid, server.process.started] for name, server in alive.items()}}
        self._write("state.json", json.dumps(state, indent=1) + "\n")
        self._write("processes", "".join(f"{name} {server.pid} {server.address}\n" for name, server in alive.items()))

    def _write(self, name, text):
        part = self.folder / f".{name}.part"
        part.write_text(text)
        os.replace(part, self.folder / name)
