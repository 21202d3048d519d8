#!/usr/bin/env python3
"""./dev up and ./dev down: the eight processes on ports and in a folder of their own, killed one after the other."""
import email
import email.policy
import os
import pathlib
import signal
import socket
import subprocess
import sys
import uuid

import harness
from harness import case, expect, expect_equal
from desk_client import DeskClient, alert_payload, set_up_desk
import processes
import stack as stacks

LOCAL = harness.ROOT / "deploy" / "local" / "local.py"
MARK = str(uuid.uuid4())  # in the environment of all that is started here
LIMIT = 600
MAIL_SECONDS = 120


class World:
    def __init__(self):
        self.folder = harness.temporary_folder() / "local"
        self.client = None
        self.alerts = 0

    def local(self, command, good=True):
        """One run of local.py, which must succeed, or fail, or either (None); its output, standard error behind."""
        environment = {**harness.environment(), "WATCHBELL_LOCAL_DIR": str(self.folder),
                       "WATCHBELL_LOCAL_PORTS": "free", "WATCHBELL_BIN_DIR": str(harness.BIN), "LOCAL_TEST_MARK": MARK}
        if "WATCHBELL_CACHE" in os.environ:
            environment["WATCHBELL_CACHE"] = os.environ["WATCHBELL_CACHE"]
        done = subprocess.run([sys.executable, str(LOCAL), command], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT)
        expect(good is None or (done.returncode == 0) == good,
               f"local.py {command} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def listed(self):
        """The file of processes: name -> (pid, address)."""
        lines = [line.split(" ") for line in (self.folder / "processes").read_text().splitlines()]
        expect(all(len(line) == 3 for line in lines), f"lines of `name pid address`: {lines}")
        return {name: (int(pid), address) for name, pid, address in lines}

    def desk(self):
        if self.client is None:  # addresses stay over kills
            self.client = DeskClient({name: address for name, (_, address) in self.listed().items()
                                      if name in stacks.SERVICES})
        return self.client

    def an_alert_becomes_a_mail(self):
        self.alerts += 1
        name = f"Alert{self.alerts}"
        # The first call after a kill may find the old connection only; it is sent again as it was.
        answer = self.desk().insist("TicketService/PublishAlerts",
                                    {"payload": alert_payload(name), "request_id": str(uuid.uuid4())})
        expect_equal(len(answer.outcomes), 1, f"outcomes of {name}")

        def arrived():
            for path in (self.folder / "data" / "mail").glob("*.eml"):
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if name in str(mail["Subject"]) and "ada@example.test" in str(mail["To"]):
                    return True
            return False
        expect(harness.poll(arrived, MAIL_SECONDS), f"no mail about {name}; {self.local('status', good=None)}")


world = World()


def program_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


@case
def up_starts_all_and_lists_them():
    said = world.local("up")
    listed = world.listed()
    expect_equal(list(listed), list(stacks.NAMES), "names in `processes`")
    for name, (pid, address) in listed.items():
        word = {"kafka": "kafka.Kafka", "postgres": "postgres", "smtp": "smtp_sink"}.get(name, f"watchbell-{name}")
        expect(word in program_of(pid), f"{name} is process {pid}: {program_of(pid)}")
        host, port = address.split(":")
        socket.create_connection((host, int(port)), timeout=20).close()
        expect(address in said, f"up says where {name} is")
    for server in stacks.Stack(world.folder, harness.BIN).servers.values():
        expect(server.serves(), f"{server.name} serves")


@case
def up_again_starts_nothing():
    before = world.listed()
    world.local("up")
    expect_equal(world.listed(), before, "`processes` after another up")


@case
def an_alert_leads_to_a_mail():
    set_up_desk(world.desk())
    world.an_alert_becomes_a_mail()


@case
def after_a_kill_of_any_of_them_up_brings_it_back():
    for name in stacks.NAMES:
        before = world.listed()
        os.kill(before[name][0], signal.SIGKILL)
        expect(f"{name} " in world.local("status", good=False), f"status of {name}")
        expect(name not in world.listed(), f"`processes` after status: {name} is dead")
        world.local("up")
        after = world.listed()
        expect_equal(list(after), list(stacks.NAMES), f"names after the kill of {name}")
        expect(after[name][0] != before[name][0], f"{name} is another process")
        expect_equal({n for n in after if after[n] != before[n]}, {name}, f"what changed by the kill of {name}")
        expect_equal(after[name][1], before[name][1], f"address of {name}")
        world.an_alert_becomes_a_mail()


@case
def down_leaves_nothing_running():
    expect(processes.with_variable("LOCAL_TEST_MARK", MARK), "what up started is found by its environment")
    pids = [pid for pid, _ in world.listed().values()]
    said = world.local("down")
    expect("killed" not in said, f"all ended when asked: {said}")
    expect_equal((world.folder / "processes").read_text(), "", "`processes` after down")
    left = [process for process in processes.with_variable("LOCAL_TEST_MARK", MARK) if process.alive()]
    expect_equal([program_of(process.pid) for process in left], [], "what still runs")
    expect_equal([pid for pid in pids if processes.Process(pid).alive()], [], "pids that still are")
    expect("nothing ran" in world.local("down"), "another down finds nothing")


@case
def a_pid_that_was_given_out_again_is_let_alone():
    # The list names this very script as tickets, but with a start time that is not its own.
    state = world.folder / "state.json"
    text = state.read_text()
    expect('"processes": {}' in text, f"state after down: {text}")
    state.write_text(text.replace('"processes": {}', '"processes": {"tickets": [%d, 1]}' % os.getpid()))
    expect("nothing ran" in world.local("down"), "nothing of ours runs")


@case
def a_taken_port_is_named():
    address = stacks.Stack(world.folder, harness.BIN).servers["smtp"].address
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(address.split(":")[1])))
        other.listen()
        said = world.local("up", good=False)
        expect(f"port {address.split(':')[1]} of 127.0.0.1 is taken" in said, f"the port is named: {said}")
    world.local("down")


@case
def data_survives_down_and_up():
    world.local("up")
    tickets = world.desk().insist("TicketService/ListTickets", {"page_size": 500}).tickets
    expect_equal(len(tickets), world.alerts, "tickets, one for each alert before")
    world.an_alert_becomes_a_mail()


@case
def a_second_replica_serves_beside_the_first():
    stack = stacks.Stack(world.folder, harness.BIN)
    replica = stack.replica("tickets")
    replica.start()
    desk = DeskClient({**{name: stack.servers[name].address for name in stacks.SERVICES}, "tickets": replica.address})
    ticket = desk.call("TicketService/CreateTicket",
                       {"type": "TICKET_TYPE_INCIDENT", "title": "by the second", "impact": "IMPACT_LOW",
                        "urgency": "URGENCY_LOW", "request_id": str(uuid.uuid4())})
    expect_equal(world.desk().insist("TicketService/GetTicket", {"name": ticket.name}).title, "by the second",
                 "what the first says")
    expect(replica.stop(), "the replica ends when asked")
    world.local("down")
    expect_equal([p.pid for p in processes.with_variable("LOCAL_TEST_MARK", MARK) if p.alive()], [], "what still runs")


if __name__ == "__main__":
    try:
        harness.main()
    finally:
        for left_over in processes.with_variable("LOCAL_TEST_MARK", MARK):  # after a failure
            left_over.kill()
