#!/usr/bin/env python3
"""Real servers as plain processes: PostgreSQL 15 and Apache Kafka 4.2 in a folder, on ports of 127.0.0.1.

usage: servers.py run -- COMMAND...

run starts both in a temporary folder on free ports, runs COMMAND with WATCHBELL_TEST_POSTGRES (a libpq URL of a
superuser) and WATCHBELL_TEST_KAFKA (HOST:PORT) set, stops both and ends with COMMAND's exit status.

Standard library only. Needs Debian's postgresql-15, openjdk-17-jre-headless and, the first time, maven: Kafka's jars
come from Maven Central and are kept in ${WATCHBELL_CACHE:-~/.cache/watchbell}/kafka-4.2.0.
"""
import base64
import contextlib
import fcntl
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import processes  # noqa: E402

KAFKA_VERSION = "4.2.0"
POSTGRES_VERSION = "15"
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": ".",  # the data folder: only its owner and root can reach it there
    "max_connections": "300",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "jit": "off",
}
KAFKA_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    # A broker that was killed is taken back after this long, not after the usual nine seconds.
    "broker.session.timeout.ms": "1500",
    "broker.heartbeat.interval.ms": "300",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>watchbell</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""
MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
# Generous: the machine may be busy with other things.
START_SECONDS = 120
STOP_SECONDS = 60

_given = set()


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port():
    """A port nobody listens on, outside the range the kernel gives to clients.

    Inside that range a client that tries to reach a stopped server can be given the server's own port.
    """
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    top = first if first > 25000 else 32768
    while True:
        port = random.SystemRandom().randrange(top - 10000, top)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


class Server:
    """What all servers here share. A subclass says how to launch it and how to see that it serves."""

    name = "server"
    stop_signal = signal.SIGTERM
    stop_seconds = STOP_SECONDS

    def __init__(self, folder, port=None, log=None, detached=False):
        """`folder`: its data, kept from start to start. `detached`: it outlives this script."""
        self.folder = pathlib.Path(folder).resolve()
        self.port = port or free_port()
        self.log = pathlib.Path(log or self.folder / f"{self.name}.log").resolve()
        self.detached = detached
        self.process = None
        self._asked = None  # the process that was asked to end

    def ports(self):
        """The ports it listens on."""
        return [self.port]

    @property
    def pid(self):
        return self.process.pid if self.process else None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def launch(self):
        """Starts the process; its processes.Process."""
        raise NotImplementedError

    def serves(self):
        """Whether it answers in its own protocol."""
        raise NotImplementedError

    def start(self, limit=START_SECONDS):
        """Starts it and waits until it serves."""
        self.begin()
        self.wait_ready(limit)
        return self

    def begin(self):
        """Starts it and does not wait."""
        if self.alive():
            raise RuntimeError(f"{self.name} runs already as process {self.pid}")
        for port in self.ports():
            if not processes.poll(lambda: _is_free(port), 5):
                raise RuntimeError(f"{self.name}: port {port} of 127.0.0.1 is taken by another program")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = self.launch()

    def wait_ready(self, limit=START_SECONDS):
        """Returns when it serves; raises with the end of its log when it ends or does not in time."""
        ready = processes.poll(lambda: self.serves() or (not self.alive() and "ended"), limit)
        if ready is True:
            return
        what = "ended" if ready == "ended" else f"does not serve after {limit} s"
        raise RuntimeError(f"{self.name} {what}; the end of {self.log}:\n{processes.tail(self.log)}")

    def alive(self):
        return self.process is not None and self.process.alive()

    def ask_to_stop(self):
        """Asks for an orderly end, once, and does not wait."""
        if self.alive() and self._asked is not self.process:
            self._asked = self.process
            self.process.thaw()
            self.process.send(self.stop_signal)

    def stop(self):
        """An orderly end, with a limit. Whether it was orderly."""
        self.ask_to_stop()
        if self.process is None or self.process.wait(self.stop_seconds):
            return True
        self.process.kill()
        return False

    def kill9(self):
        """kill -9 of it and its children, and their end."""
        self.process.kill()

    def freeze(self):
        """SIGSTOP of it and its children: connections stay open and nothing answers."""
        self.process.freeze()

    def thaw(self):
        self.process.thaw()

    def restart(self):
        """Ends it, if it runs, and starts it with the same port and data."""
        self.stop()
        return self.start()


def _read_exactly(connection, size):
    data = b""
    while len(data) < size:
        if not (part := connection.recv(size - len(data))):
            raise ConnectionError("closed")
        data += part
    return data


class Postgres(Server):
    """PostgreSQL: superuser postgres, nobody asked for a password, 127.0.0.1 only."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": sessions are ended, data is written

    def __init__(self, folder, port=None, settings=None, **more):
        super().__init__(folder, port, **more)
        self.settings = {**POSTGRES_SETTINGS, **(settings or {})}

    @property
    def url(self):
        return self.url_of("postgres")

    def url_of(self, database):
        return f"postgresql://postgres@{self.address}/{database}"

    @staticmethod
    def program(name):
        folder = pathlib.Path(f"/usr/lib/postgresql/{POSTGRES_VERSION}/bin")
        found = folder / name if (folder / name).exists() else shutil.which(name)
        if not found:
            raise RuntimeError(f"there is no {name}: install postgresql-{POSTGRES_VERSION}")
        return str(found)

    def launch(self):
        data = self.folder / "data"
        if not data.exists():
            self._initialise(data)
        self._clear(data)
        settings = {**self.settings, "port": self.port}
        with self._opened(data) as (fd, path):
            return processes.spawn([self.program("postgres"), "-D", path,
                                    *(f"--{key}={value}" for key, value in settings.items())],
                                   self.log, user="postgres", keep_open=(fd,), detached=self.detached)

    def serves(self):
        """A session as any client would begin it."""
        parameters = b"user\0postgres\0database\0postgres\0\0"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(struct.pack("!II", 8 + len(parameters), 196608) + parameters)
                while True:
                    kind, size = struct.unpack("!cI", _read_exactly(connection, 5))
                    _read_exactly(connection, size - 4)
                    if kind in b"ZE":  # ready for a query, or an error
                        return kind == b"Z"
        except OSError:
            return False

    def _clear(self, data):
        """What a killed server left: sessions, which end by themselves, and lock files with its pid.

        The server believes those where they name a process that is dead and that nobody has reaped yet.
        """
        lock = data / "postmaster.pid"
        if not lock.exists():
            return
        left = processes.in_folder(data)
        holder = int(lock.read_text().split()[0])
        if any(process.pid == holder and process.alive() for process in left):
            raise RuntimeError(f"{data} is in use by process {holder}")
        for process in left:
            if not process.wait(STOP_SECONDS):
                process.kill()
        for held in (lock, *data.glob(".s.PGSQL.*.lock")):
            held.unlink(missing_ok=True)

    def _initialise(self, data):
        part = data.with_name("data.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(part, "postgres", "postgres")
        with self._opened(part) as (fd, path):
            process = processes.spawn([self.program("initdb"), "-D", path, "--username=postgres", "--auth=trust",
                                       "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"],
                                      self.log, user="postgres", keep_open=(fd,))
            process.wait(START_SECONDS)
        if not (part / "global" / "pg_control").exists() or process.status() != 0:
            raise RuntimeError(f"initdb failed:\n{processes.tail(self.log)}")
        part.rename(data)

    @staticmethod
    @contextlib.contextmanager
    def _opened(folder):
        """The folder as an open descriptor and its name.

        As root the server runs as another user, who may not be able to walk down to the folder (below /root, say).
        """
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd, f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)


def kafka_jars():
    """The folder with Kafka's jars; fetches them the first time. Two scripts at once do not collide."""
    cache = pathlib.Path(os.environ.get("WATCHBELL_CACHE") or pathlib.Path.home() / ".cache" / "watchbell")
    jars = cache / f"kafka-{KAFKA_VERSION}"

    def are_there():
        return (jars / "pom.xml").exists() and (jars / "pom.xml").read_text() == POM
    if are_there():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f".kafka-{KAFKA_VERSION}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if are_there():
            return jars
        if not shutil.which("mvn"):
            raise RuntimeError("Kafka's jars are fetched with Maven: install maven")
        print(f"+ fetching Apache Kafka {KAFKA_VERSION} (55 MB) into {jars}", file=sys.stderr, flush=True)
        part = pathlib.Path(tempfile.mkdtemp(prefix=f".kafka-{KAFKA_VERSION}.", dir=cache))
        try:
            (part / "pom.xml").write_text(POM)
            done = subprocess.run(["mvn", "-q", "-B", "-C", "-f", str(part / "pom.xml"), MAVEN_GOAL,
                                   f"-DoutputDirectory={part / 'jars'}", "-DincludeScope=runtime"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"Maven could not fetch Kafka:\n{done.stdout[-3000:]}")
            (part / "pom.xml").rename(part / "jars" / "pom.xml")
            if jars.exists():  # of another list
                jars.rename(part / "old")
            (part / "jars").rename(jars)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return jars


class Kafka(Server):
    """One Kafka node, broker and controller. Topics are not made by asking for them."""

    name = "kafka"

    def __init__(self, folder, port=None, controller_port=None, settings=None, heap_mb=512, **more):
        super().__init__(folder, port, **more)
        self.controller_port = controller_port or free_port()
        self.settings = {**KAFKA_SETTINGS, **(settings or {})}
        self.heap_mb = heap_mb

    def ports(self):
        return [self.port, self.controller_port]

    @staticmethod
    def java(*arguments, heap_mb=256):
        """The command line of a Java program among Kafka's jars."""
        if not shutil.which("java"):
            raise RuntimeError("there is no java: install openjdk-17-jre-headless")
        return [shutil.which("java"), "-Xms32m", f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData", "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", f"{kafka_jars()}/*",
                *map(str, arguments)]

    def launch(self):
        properties = self.folder / "server.properties"
        quorum = f"127.0.0.1:{self.controller_port}"
        settings = {**self.settings, "log.dirs": self.folder / "data", "controller.quorum.voters": f"1@{quorum}",
                    "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{quorum}",
                    "advertised.listeners": f"PLAINTEXT://{self.address}"}
        properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        if not (self.folder / "formatted").exists():
            self._format(properties)
        return processes.spawn(self.java("kafka.Kafka", properties, heap_mb=self.heap_mb), self.log,
                               detached=self.detached)

    def serves(self):
        """A metadata request (version 1, no topics): the broker is up when it names itself; a fenced one does not."""
        request = struct.pack("!hhih3si", 3, 1, 1, 3, b"dev", 0)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(struct.pack("!I", len(request)) + request)
                size, = struct.unpack("!I", _read_exactly(connection, 4))
                answer = _read_exactly(connection, size)
                return struct.unpack("!ii", answer[:8]) >= (1, 1)
        except (OSError, struct.error):
            return False

    def _format(self, properties):
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        cluster = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")  # no "-" in front
        done = subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", properties),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"Kafka's storage tool failed:\n{done.stdout[-3000:]}")
        (self.folder / "formatted").touch()


@contextlib.contextmanager
def both(folder=None):
    """Both servers, started at the same time in `folder` or in a temporary one; stopped at the end."""
    own = None if folder else tempfile.mkdtemp(prefix="watchbell-servers-")
    base = pathlib.Path(folder or own)
    servers = [Kafka(base / "kafka"), Postgres(base / "postgres")]
    try:
        for server in servers:
            server.begin()
        for server in servers:
            server.wait_ready()
        yield tuple(reversed(servers))
    finally:
        for server in servers:
            server.ask_to_stop()
        for server in servers:
            server.stop()
        if own:
            shutil.rmtree(own, ignore_errors=True)


def test_environment(postgres, kafka):
    """The variables by which test programs find the servers."""
    return {"WATCHBELL_TEST_POSTGRES": postgres.url, "WATCHBELL_TEST_KAFKA": kafka.address}


def _terminated(*_):
    sys.exit(128 + signal.SIGTERM)


def main():
    arguments = sys.argv[1:]
    if len(arguments) < 3 or arguments[:2] != ["run", "--"]:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        with both() as (postgres, kafka):
            status = subprocess.run(arguments[2:], env={**os.environ, **test_environment(postgres, kafka)}).returncode
    except (RuntimeError, FileNotFoundError) as error:
        sys.exit(f"servers.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
