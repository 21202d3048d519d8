#!/usr/bin/python3
"""What goes wrong around a server: a second process, a newer schema, no room, a lock, a stop; and the command line."""
import contextlib
import json
import re
import resource
import shutil
import sqlite3
import subprocess

import harness
from harness import case, expect, expect_equal
from client import Client, RpcError, incident

import grpc

SERVICES = ["tickets", "sla", "escalation", "notifications", "analytics"]
DOWN_SECONDS = 30  # until readiness has noticed, either way


def started(data=None, *flags, **more):
    return harness.Server(data or harness.temporary_folder() / "data", *flags, **more).start()


def stop(server, *clients):
    for client in clients:
        client.close()  # a server's stop waits for connections that nobody polls
    expect_equal(server.terminate(), 0, "exit status after SIGTERM\n" + server.log())


def refused_start(data, *flags):
    """A start that must fail: exit status and everything it said."""
    done = harness.run("serve", f"--data-dir={data}", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", *flags)
    return done.returncode, done.stdout + done.stderr


def create(client, title, timeout=20):
    return client.call("TicketService/CreateTicket", incident(title), timeout=timeout)


def expect_whole(client, names):
    """Every ticket is there with a history without holes, and no other is."""
    listed = client.call("TicketService/ListTickets", {"page_size": 500}).tickets
    expect_equal(sorted(t.name for t in listed), sorted(names), "tickets listed")
    for ticket in listed:
        history = client.call("TicketService/ListTicketHistory", {"name": ticket.name}).entries
        expect_equal([e.version for e in history], list(range(1, ticket.version + 1)), f"versions of {ticket.name}")


@case
def a_second_process_is_refused():
    server = started()
    first = f"process {server.process.pid} (watchbell serve)"
    status, said = refused_start(server.data)
    expect_equal(status, 1, "exit status of the second process")
    expect("is in use by " + first in said, f"the first process is not named: {said}")
    done = harness.run("migrate", f"--data-dir={server.data}")
    expect_equal(done.returncode, 1, "exit status of migrate")
    expect(first in done.stderr, f"migrate does not name the first process: {done.stderr}")
    expect_equal(server.readiness()[0], 200, "readiness of the first process")
    stop(server)
    stop(started(server.data))  # the folder is free again


@case
def a_taken_port_is_refused():
    server = started()
    for flag, port in (("--listen", server.grpc_port), ("--admin-listen", server.admin_port)):
        other = "--admin-listen" if flag == "--listen" else "--listen"
        done = harness.run("serve", f"--data-dir={harness.temporary_folder()}", f"{flag}=127.0.0.1:{port}",
                           f"{other}=127.0.0.1:0")
        expect_equal(done.returncode, 1, f"exit status with a taken {flag}")
        expect(f"cannot listen on 127.0.0.1:{port}" in done.stderr, f"{flag}: {done.stderr}")
    stop(server)


@case
def a_newer_schema_is_refused():
    server = started()
    stop(server)
    for service in SERVICES:
        copy = harness.temporary_folder() / "data"
        shutil.copytree(server.data, copy)
        database = sqlite3.connect(copy / f"{service}.db")
        database.execute("INSERT INTO schema_version (number, name) VALUES (99, 'of the future')")
        database.commit()
        database.close()
        status, said = refused_start(copy)
        expect_equal(status, 1, f"exit status over a newer {service}.db")
        expect("schema version 99, this program knows only up to" in said, f"{service}: {said}")
        expect(service in said, f"the service is not named: {said}")


def expect_down(client, server, what):
    """Commands are refused in time with a moment to come back, and readiness says why."""
    def not_ready():
        status, body = server.readiness()
        return body if status == 503 else None
    error = None
    try:
        create(client, "must not be stored", timeout=15)
    except RpcError as caught:
        error = caught
    expect(error is not None, f"a command was taken although {what}")
    expect_equal((error.code, error.reason), ("UNAVAILABLE", "STORAGE_UNAVAILABLE"), f"{what}: {error}")
    expect("RetryInfo" in error.details, f"no RetryInfo: {error}")
    body = harness.poll(not_ready, DOWN_SECONDS)
    expect(body, f"readiness stays on although {what}")
    expect(any(r.startswith("tickets: ") for r in json.loads(body)["reasons"]), f"readiness does not say why: {body}")
    expect(harness.poll(lambda: client.health() == 2, DOWN_SECONDS), f"health stays SERVING although {what}")
    expect_equal(server.get("/livez")[0], 200, "liveness")


def expect_up(client, server):
    expect(harness.poll(lambda: server.readiness()[0] == 200, DOWN_SECONDS),
           f"readiness stays off: {server.readiness()}\n{server.log()}")
    expect(harness.poll(lambda: client.health() == 1, DOWN_SECONDS), "health stays NOT_SERVING")


@case
def a_locked_database_is_nobodys_fault():
    server = started()
    client = Client(server.target)
    names = [create(client, "before").name]
    other = sqlite3.connect(server.data / "tickets.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    expect_down(client, server, "the database is locked")
    expect_equal(client.call("TicketService/GetTicket", {"name": names[0]}).title, "before", "reads go on")
    other.execute("ROLLBACK")
    other.close()
    expect_up(client, server)
    names.append(create(client, "after").name)
    expect_whole(client, names)
    expect_equal(len(client.call("AdminService/ListDeadLetters").dead_letters), 0, "dead letters of an outage")
    stop(server, client)


@contextlib.contextmanager
def small_disk():
    """A file system of 8 MiB, or None where we may not mount one."""
    folder = harness.temporary_folder() / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder],
                                                       capture_output=True).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=True)


class FullDisk:
    """Takes all room of a small file system, and gives it back."""

    def __init__(self, folder):
        self.folder = folder
        self.server = None

    def start(self):
        self.server = started(self.folder / "data")
        return self.server

    def fill(self):
        with open(self.folder / "filler", "wb", buffering=0) as filler:
            for size in (1 << 16, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while filler.write(b"x" * size):
                        pass

    def empty(self):
        (self.folder / "filler").unlink()


class SmallFiles:
    """No file of the server may grow any more."""

    def start(self):
        # SIGXFSZ would kill it; Python ignores the signal, and the child inherits that.
        self.server = harness.Server(harness.temporary_folder() / "data",
                                     program=["/bin/sh", "-c", 'trap "" XFSZ; exec "$@"', "sh",
                                              str(harness.WATCHBELL), "serve"]).start()
        return self.server

    def fill(self):
        hard = resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, (4096, hard))

    def empty(self):
        hard = resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


def create_until_refused(client, names, reasons):
    """The request that was refused. What is allocated already may still be written over, so the first ones may go
    through."""
    for number in range(2000):
        request = incident(f"ticket {number} " + "x" * 150)
        try:
            names.append(client.call("TicketService/CreateTicket", request, timeout=5).name)
        except RpcError as error:
            expect(error.code == "UNAVAILABLE" and error.reason in reasons, f"no room: {error}")
            return request
    raise harness.Failure("2000 tickets found room on a full disk")


def check_no_room(disk, reasons):
    server = disk.start()
    client = Client(server.target)
    names = [create(client, "before").name]
    disk.fill()
    refused = create_until_refused(client, names, reasons)
    expect_down(client, server, "there is no room")
    expect_equal(client.call("TicketService/GetTicket", {"name": names[0]}).title, "before", "reads go on")
    disk.empty()
    expect_up(client, server)
    names.append(create(client, "after").name)
    # Sent again under its id it is stored once, whatever had become of it.
    names.append(client.call("TicketService/CreateTicket", refused).name)
    expect_whole(client, names)
    # And the same from the files alone.
    server.kill()
    client.close()
    again = harness.Server(server.data).start()
    client = Client(again.target)
    expect_whole(client, names)
    expect_equal(len(client.call("AdminService/ListDeadLetters").dead_letters), 0, "dead letters of an outage")
    stop(again, client)


@case
def a_full_disk_is_nobodys_fault():
    with small_disk() as folder:
        if folder is None:
            raise harness.Skip("nothing can be mounted here; the next case does what it can")
        check_no_room(FullDisk(folder), {"STORAGE_UNAVAILABLE"})


@case
def files_that_cannot_grow_are_nobodys_fault():
    # An I/O error at COMMIT: only reading back tells what is stored; if that does not help, the caller is told so.
    check_no_room(SmallFiles(), {"STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"})


@case
def a_stop_drains():
    server = started(None, "--drain-pause=2000")
    client = Client(server.target)
    ticket = create(client, "watched")
    watch = client.watch("TicketService/WatchTickets", {"name": ticket.name}, timeout=60)
    expect(next(watch).resume_token, "no bookmark at the watch's beginning")
    server.process.terminate()
    # Health first, while calls are still taken; then streams end with their newest token.
    expect(harness.poll(lambda: client.health("watchbell.tickets.v1.TicketService") == 2, 2, every=0.01),
           "health did not go NOT_SERVING before the end")
    status, body = server.readiness()
    expect_equal(status, 503, "readiness while stopping")
    expect("stopping" in body, f"readiness does not say that it is stopping: {body}")
    changed = client.call("TicketService/StartWork", {"name": ticket.name})
    last, error = None, None
    try:
        for last in watch:
            pass
    except grpc.RpcError as caught:
        error = client.explain(caught)
    expect(error is not None and error.code == "UNAVAILABLE", f"the watch ended with {error}")
    expect_equal(error.reason, "STOPPING", "reason of the watch's end")
    expect(last is not None and last.resume_token, "the last message of the watch has no token")
    client.close()
    expect_equal(server.process.wait(harness.STOP_SECONDS), 0, "exit status after SIGTERM")
    again = started(server.data)
    client = Client(again.target)
    # Nothing between the stop and the start is lost to who resumes; nothing seen is seen again.
    client.call("TicketService/ResolveTicket", {"name": ticket.name})
    resumed = client.watch("TicketService/WatchTickets", {"resume_token": last.resume_token, "name": ticket.name})
    change = next(c for c in resumed if c.HasField("ticket"))
    resumed.cancel()
    expect_equal(change.ticket.version, changed.version + 1, "version of the first change after the stop")
    stop(again, client)


@case
def the_admin_port_answers():
    server = started()
    client = Client(server.target)
    create(client, "counted")
    status, text = server.get("/metrics")
    expect_equal(status, 200, "status of /metrics")
    expect(re.search(r"^watchbell_\w+(\{.*\})? [\d.e+]+$", text, re.M), f"no metric of ours:\n{text[:500]}")
    expect_equal(json.loads(server.get("/version")[1]).get("version"),
                 json.loads(harness.run("version", "--json").stdout).get("version"), "version")
    expect_equal((server.get("/livez")[0], server.get("/nothing")[0]), (200, 404), "/livez and an unknown path")
    for line in server.lines:
        expect(isinstance(json.loads(line), dict), f"a log line is no JSON object: {line}")
    stop(server, client)


@case
def the_command_line_calls():
    server = started()
    target = f"--target={server.target}"
    done = harness.run("call", target, "TicketService/CreateTicket", json.dumps(incident("From the shell")))
    expect_equal(done.returncode, 0, f"exit status of call: {done.stderr}")
    ticket = json.loads(done.stdout)
    done = harness.run("call", target, "watchbell.tickets.v1.TicketService/GetTicket", "-",
                       input_text=json.dumps({"name": ticket["name"]}))
    expect_equal(json.loads(done.stdout)["title"], "From the shell", "title read back")
    done = harness.run("call", target, "--tenant=other", "TicketService/GetTicket",
                       json.dumps({"name": ticket["name"]}))
    expect_equal((done.returncode, done.stdout), (1, ""), "another tenant's ticket")
    expect("NOT_FOUND" in done.stderr, f"the reason is not told: {done.stderr}")
    done = harness.run("call", target, "TicketService/CreateTicket", "{}")
    expect_equal(done.returncode, 1, "exit status of a bad request")
    expect("title: is required" in done.stderr, f"the field is not named: {done.stderr}")
    for words in (["TicketService/CreateTicket", "{not json"], ["TicketService/NoSuchRpc"], ["NoService/X"]):
        done = harness.run("call", target, *words)
        expect(done.returncode in (1, 2) and done.stderr.startswith("watchbell"), f"{words}: {done}")
    listed = harness.run("call")
    for service in ("watchbell.tickets.v1.TicketService", "watchbell.analytics.v1.AnalyticsService"):
        expect(service in listed.stdout, f"{service} is not listed")
    done = harness.run("dead-letters", "list", target)
    expect_equal((done.returncode, done.stdout), (0, "No dead letters.\n"), "dead letters of a healthy system")
    done = harness.run("dead-letters", "retry", "tickets", "no-such-id", target)
    expect_equal(done.returncode, 1, "exit status of a retry of nothing")
    expect("NOT_FOUND" in done.stderr, f"the reason is not told: {done.stderr}")
    stop(server)
    done = harness.run("call", target, "--timeout=5", "TicketService/ListTickets")
    expect_equal(done.returncode, 1, "exit status without a server")
    expect("UNAVAILABLE" in done.stderr, f"no server: {done.stderr}")


@case
def configuration_is_layered_and_checked():
    folder = harness.temporary_folder()
    (folder / "secret").write_text("swordfish\n")
    (folder / "good.yaml").write_text("smtp:\n  url: smtp://file.test:25\n  from: file@example.test\n")
    (folder / "bad.yaml").write_text("smtp:\n  url: smtp://file.test:25\n  colour: red\n")
    done = harness.run("print-config", f"--config={folder / 'good.yaml'}", "--smtp-url=smtp://flag.test:25",
                       f"--webhook-secret-file={folder / 'secret'}",
                       env={"WATCHBELL_SMTP_URL": "smtp://env.test:25", "WATCHBELL_SMTP_TLS": "off",
                            "WATCHBELL_SMTP_PASSWORD": "hunter2"})
    expect_equal(done.returncode, 0, f"exit status of print-config: {done.stderr}")
    values = dict(re.findall(r"^(\S+) = (.*?)\s*#", done.stdout, re.M))
    expect_equal({k: values.get(k) for k in ("smtp.url", "smtp.from", "smtp.tls", "listen")},
                 {"smtp.url": "smtp://flag.test:25", "smtp.from": "file@example.test", "smtp.tls": "off",
                  "listen": "127.0.0.1:7700"}, "values by their sources")
    for secret in ("swordfish", "hunter2"):
        expect(secret not in done.stdout + done.stderr, f"print-config shows the secret {secret}")
    for arguments, env, named in (
            (["--smtp-ulr=smtp://x:25"], {}, "--smtp-ulr"),
            (["--drain-grace=soon"], {}, "drain.grace"),
            ([], {"WATCHBELL_SMTP_ULR": "smtp://x:25"}, "WATCHBELL_SMTP_ULR"),
            ([f"--config={folder / 'bad.yaml'}"], {}, "bad.yaml:3"),
            ([f"--config={folder / 'none.yaml'}"], {}, "none.yaml"),
            (["--log-level=loud"], {}, "log.level"),
            (["--smtp-tls=sometimes"], {}, "smtp.tls"),
            (["--listen=127.0.0.1:99999"], {}, "listen must be HOST:PORT"),
            (["--peers-sla=http://127.0.0.1:7700"], {}, "peers.sla must be HOST:PORT"),
            (["--alerts-raw-tenant=ACME"], {}, "alerts.raw.tenant"),
            (["--config", "--listen=127.0.0.1:0"], {}, "--config needs a value"),
            (["--webhook-secret=a", f"--webhook-secret-file={folder / 'secret'}"], {}, "webhook.secret")):
        done = harness.run("serve", f"--data-dir={folder / 'data'}", *arguments, env=env, limit=30)
        expect_equal(done.returncode, 2, f"exit status of serve {arguments} {env}: {done.stderr}")
        expect(named in done.stderr, f"{named} is not named: {done.stderr}")


@case
def wrong_use_is_told():
    for words in (["sevre"], ["replay", "x.csv"], ["replay", "--format=csv", "x.csv"], ["dead-letters"],
                  ["print-config", "what"]):
        done = harness.run(*words)
        expect_equal(done.returncode, 2, f"exit status of watchbell {' '.join(words)}: {done.stderr}")
        expect(done.stderr, "nothing is said")
    for words in (["help"], ["help", "replay"], ["serve", "--help"], ["version"]):
        done = harness.run(*words)
        expect_equal(done.returncode, 0, f"exit status of watchbell {' '.join(words)}")
        expect(done.stdout, "nothing is said")
    data = harness.temporary_folder() / "new"
    done = harness.run("migrate", f"--data-dir={data}")
    expect_equal(done.returncode, 0, f"exit status of migrate: {done.stderr}")
    expect_equal(sorted(p.stem for p in data.glob("*.db")), sorted(SERVICES), "databases made by migrate")


if __name__ == "__main__":
    harness.main()
