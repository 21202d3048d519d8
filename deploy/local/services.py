"""The project's own processes of the distributed form: five services and the mail server that keeps their mail."""
import http.client
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import processes  # noqa: E402
import servers  # noqa: E402

SERVICES = ("tickets", "sla", "escalation", "notifications", "analytics")


class Smtp(servers.Server):
    """smtp_sink.py; mails lie in its folder as *.eml."""

    name = "smtp"
    stop_seconds = 5

    def launch(self):
        sink = pathlib.Path(__file__).resolve().with_name("smtp_sink.py")
        return processes.spawn([sys.executable, "-u", sink, self.port, self.folder], self.log, detached=self.detached)

    def serves(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(100).startswith(b"220")
        except OSError:
            return False

    def mails(self):
        """The files, oldest first."""
        return sorted(self.folder.glob("*.eml"))


class Service(servers.Server):
    """One replica of one service: program `watchbell-<service>`, gRPC on `port`, HTTP for operators on `admin_port`."""

    stop_seconds = 60  # drain, deliveries under way, engine

    def __init__(self, service, programs, folder, port=None, admin_port=None, flags=(), **more):
        """`programs`: the folder of the programs. `flags`: all but the addresses."""
        self.service = self.name = service
        super().__init__(folder, port, **more)
        self.admin_port = admin_port or servers.free_port()
        self.programs = pathlib.Path(programs)
        self.flags = list(flags)

    def ports(self):
        return [self.port, self.admin_port]

    def launch(self):
        argv = [self.programs / f"watchbell-{self.service}", f"--listen={self.address}",
                f"--admin-listen=127.0.0.1:{self.admin_port}", *self.flags]
        return processes.spawn(argv, self.log, environment=processes.clean_environment(), detached=self.detached)

    def serves(self):
        return self.get("/readyz")[0] == 200

    def get(self, path, limit=10):
        """(status, body) of the admin port; (0, why) if it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=limit)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()
