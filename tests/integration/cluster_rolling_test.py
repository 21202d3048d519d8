#!/usr/bin/env python3
"""Two replicas of every service, restarted one after the other: callers notice nothing, and nothing is done twice."""
import collections
import importlib.util
import json
import re
import subprocess
import threading
import uuid

import harness
from harness import case, expect, expect_equal
from client import Client, incident
from cluster import Cluster
from desk_client import DeskClient, set_up_desk
from metrics import Metrics
from sinks import Sinks
from stack import SERVICES

import grpc
from google.protobuf import json_format

SERVICE_CONFIG = (harness.ROOT / "deploy" / "client" / "service_config.json").read_text()
LIMIT = 120
CALL_SECONDS = 60
SECRET = "a secret of the test"
PEOPLE = ["ada", "grace", "margaret"]
WRITERS = 3
PACE_SECONDS = 0.05  # between two turns of a writer: two cores carry thirteen processes
TURNS = 9            # of the writers while a replica is down, and again before the next one goes
REPLAYED_TICKETS = 1500


class World:
    def __init__(self):
        self.sinks = Sinks(SECRET)
        self.cluster = Cluster(flags={"notifications": [f"--webhook-secret={SECRET}"]}, audited=False)
        harness.at_end(self.sinks.stop)
        self.cluster.start()
        self.cluster.begin(self.cluster.second)
        self.cluster.wait_shares(8, 8)
        self.desk = self.cluster.desk()
        set_up_desk(self.desk, self.sinks.webhook_url, people=PEOPLE)

    def published(self):
        """A client as we publish it: both replicas of each service, and what to do when one is away."""
        targets = {name: f"ipv4:{self.cluster.first[name].address},{self.cluster.second[name].address}"
                   for name in SERVICES}
        return DeskClient(targets, like=self.desk, service_config=SERVICE_CONFIG)


_world = None


def world():
    global _world
    _world = _world or World()
    return _world


def by_entries():
    """Each process's name -> a client that makes all its calls there."""
    return {f"{name} {number}": DeskClient({service: replica.address for service in SERVICES}, like=world().desk)
            for number, replicas in enumerate((world().cluster.first, world().cluster.second), 1)
            for name, replica in replicas.items()}


@case
def both_replicas_know_of_each_other():
    for name in SERVICES:
        looks = [Metrics(replicas[name]) for replicas in (world().cluster.first, world().cluster.second)]
        expect_equal([look.one("replicas_live", service=name) for look in looks], [2, 2], f"live replicas of {name}")
        expect_equal([look.one("shards_held", service=name) for look in looks], [8, 8], f"shards of {name}")


@case
def any_process_is_an_entry_to_all_of_it():
    entries = by_entries()
    watches = {entry: desk.watch("TicketService/WatchTickets", timeout=LIMIT) for entry, desk in entries.items()}
    for entry, watch in watches.items():
        expect(next(watch).resume_token, f"a watch through {entry} begins with a bookmark")
    made = {}
    for entry, desk in entries.items():
        fields = incident(f"Through {entry}")
        made[entry] = desk.call("TicketService/CreateTicket", fields)
        for other, again in entries.items():  # the same request through another door
            expect_equal(again.call("TicketService/CreateTicket", fields).name, made[entry].name,
                         f"the ticket of {entry} through {other}")
        tickets = desk.of("TicketService")
        tickets.refused("TicketService/GetTicket", {"name": "tickets/none-such"}, "NOT_FOUND", "NOT_FOUND")
        refusal = tickets.refused("TicketService/CreateTicket", incident(title=""), "INVALID_ARGUMENT",
                                  "INVALID_FIELD")
        expect_equal(refusal.fields, ["title"], f"field violations through {entry}")
        expect_equal(desk.call("EscalationService/WhoIsOnCall", {"rota_id": "first"}).person, PEOPLE[0],
                     f"who is on call, through {entry}")
        expect_equal(desk.call("NotificationService/GetContact", {"person": "ada"}).person, "ada",
                     f"a contact through {entry}")
        expect_equal(desk.call("SlaService/GetCalendar", {"calendar_id": "always"}).calendar_id, "always",
                     f"a calendar through {entry}")
        desk.call("AnalyticsService/GetDeskSummary")
    names, tokens = {ticket.name for ticket in made.values()}, collections.defaultdict(set)
    for entry, watch in watches.items():
        waiting = set(names)
        for change in watch:
            if change.ticket.name in names and change.ticket.version == 1:
                waiting.discard(change.ticket.name)
                tokens[change.ticket.name].add(change.resume_token)
            if not waiting:
                break
        expect(not waiting, f"the watch through {entry} ended without {waiting}")
        watch.cancel()
    expect_equal([len(tokens[name]) for name in names], [1] * len(names), "tokens of one change through all entries")
    # A token of one entry is good at every other one.
    oldest = next(iter(made.values()))
    for entry, desk in entries.items():
        watch = desk.watch("TicketService/WatchTickets", {"resume_token": next(iter(tokens[oldest.name]))})
        change = next(change for change in watch if change.HasField("ticket"))
        expect((change.ticket.name, change.ticket.version) != (oldest.name, 1), f"{entry} repeats what a token covers")
        watch.cancel()
    for ticket in made.values():
        world().desk.call("TicketService/ResolveTicket", {"name": ticket.name, "resolution_note": "done"})
    for desk in entries.values():
        desk.close()


def all_tickets(desk):
    found, token = [], ""
    while True:
        page = desk.insist("TicketService/ListTickets", {"page_size": 500, "page_token": token})
        found += page.tickets
        token = page.next_page_token
        if not token:
            return found


def mutations(desk, mark):
    """Commands that would be done again if they were sent again without a request id: (rpc, fields, what is done).

    What is done is a number that grows by one each time."""
    ticket = desk.call("TicketService/CreateTicket", incident(f"{mark} commented"))
    desk.call("TicketService/ResolveTicket", {"name": ticket.name, "resolution_note": "done"})
    contact = {"person": mark, "points": [{"medium": "MEDIUM_EMAIL", "address": "a@example.test"}]}
    calendar = {"calendar_id": mark, "time_zone": "UTC",
                "weekly": [{"weekday": 1, "intervals": [{"from": "08:00", "to": "17:00"}]}]}
    setup = desk.call("EscalationService/GetEscalationSetup")
    desk.call("NotificationService/PutContact", {"contact": contact})
    desk.call("SlaService/PutCalendar", {"calendar": calendar})
    # What is put again as it is changes nothing: these do.
    contact, calendar = {**contact, "display_name": "Other"}, {**calendar, "time_zone": "Europe/Berlin"}
    setup.rotas.add().CopyFrom(setup.rotas[0])
    setup.rotas[-1].rota_id = mark

    def version(rpc, fields=None):
        return lambda: desk.call(rpc, fields).version
    return [
        ("TicketService/CreateTicket", {**incident(f"{mark} created"), "request_id": ""},
         lambda: sum(ticket.title == f"{mark} created" for ticket in all_tickets(desk))),
        ("TicketService/AddComment", {"name": ticket.name, "text": "again?"},
         version("TicketService/GetTicket", {"name": ticket.name})),
        ("NotificationService/PutContact", {"contact": contact},
         version("NotificationService/GetContact", {"person": mark})),
        ("SlaService/PutCalendar", {"calendar": calendar}, version("SlaService/GetCalendar", {"calendar_id": mark})),
        ("EscalationService/PutEscalationSetup", {"setup": json_format.MessageToDict(setup)},
         version("EscalationService/GetEscalationSetup"))]


@case
def a_repeat_without_a_request_id_is_refused():
    desk = world().desk
    doors = by_entries()
    for entry in ("tickets 1", "notifications 2"):  # served there, or passed on, or both
        again = doors[entry]
        for client in again.clients.values():
            client.metadata = [("grpc-previous-rpc-attempts", "1")]
        for rpc, fields, done in mutations(desk, f"repeat-{entry.replace(' ', '-')}"):
            before = done()
            refusal = again.of(rpc).refused(rpc, fields, "FAILED_PRECONDITION", "RETRY_WITHOUT_REQUEST_ID")
            expect("request_id" in refusal.message, f"the refusal does not say what is missing: {refusal}")
            expect_equal(done(), before, f"{rpc} was refused, and what is done")
            fields = {**fields, "request_id": str(uuid.uuid4())}
            first = desk.call(rpc, fields)
            expect_equal(again.call(rpc, fields), first, f"the answer to {rpc} again")
            expect_equal(done(), before + 1, f"{rpc} was sent twice with one request id, and what is done")
        for ticket in all_tickets(desk):
            if ticket.title.startswith("repeat-") and ticket.state < 4:
                desk.call("TicketService/ResolveTicket", {"name": ticket.name, "resolution_note": "done"})
    for other in doors.values():
        other.close()


class Load:
    """Callers with the published service config, who keep every answer and every error."""

    def __init__(self):
        self.turns = 0
        self.errors = []
        self.created = {}       # ticket name -> title
        self.unanswered = set()  # names of tickets that nobody acknowledges: their pages are due
        self._changed = threading.Condition()
        self._over = threading.Event()
        self.setup = world().desk.call("EscalationService/GetEscalationSetup")
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(WRITERS)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        desk = world().published()
        turn = 0
        while not self._over.is_set():
            try:
                self._turn(desk, number, turn)
            except Exception as error:  # none is expected at all
                with self._changed:
                    self.errors.append(f"writer {number}, turn {turn}: {error!r}")
            turn += 1
            with self._changed:
                self.turns += 1
                self._changed.notify_all()
            self._over.wait(PACE_SECONDS)
        desk.close()

    def _turn(self, desk, number, turn):
        def call(rpc, fields=None):
            return desk.call(rpc, fields, timeout=CALL_SECONDS)

        def mutate(rpc, fields):
            return call(rpc, {**fields, "request_id": str(uuid.uuid4())})
        title = f"load {number} {turn}"
        ticket = call("TicketService/CreateTicket", incident(title))
        with self._changed:
            self.created[ticket.name] = title
            if turn % 10 == 0:
                self.unanswered.add(ticket.name)
        if turn % 10:
            mutate("TicketService/ResolveTicket", {"name": ticket.name, "resolution_note": "done"})
        mutate("TicketService/AddComment", {"name": ticket.name, "text": title})
        expect_equal(call("TicketService/GetTicket", {"name": ticket.name}).title, title, "title")
        # Each puts something else, and is the next version: what is done twice, or is lost, leaves a gap or a repeat.
        who = f"load-{number}"
        contact = {"person": who, "display_name": title, "points": [
            {"medium": "MEDIUM_EMAIL", "address": f"{who}@example.test"}]}
        stored = mutate("NotificationService/PutContact", {"contact": contact})
        expect_equal(stored.version, turn + 1, f"version of {who}")
        calendar = {"calendar_id": who, "time_zone": "UTC", "weekly": [
            {"weekday": 1, "intervals": [{"from": "08:00", "to": f"{turn // 60 % 9 + 10}:{turn % 60:02}"}]}]}
        expect_equal(mutate("SlaService/PutCalendar", {"calendar": calendar}).version, turn + 1, f"version of {who}")
        if number == 0:
            setup = type(self.setup)()
            setup.CopyFrom(self.setup)
            setup.rotas.add().CopyFrom(setup.rotas[0])
            setup.rotas[-1].rota_id = f"load-{turn}"
            answer = mutate("EscalationService/PutEscalationSetup", {"setup": json_format.MessageToDict(setup)})
            expect_equal(answer.version, self.setup.version + turn + 1, "version of the setup")
        expect_equal(call("SlaService/GetCalendar", {"calendar_id": who}).version, turn + 1, f"calendar of {who}")
        expect_equal(call("EscalationService/WhoIsOnCall", {"rota_id": "first"}).person, PEOPLE[0], "who is on call")
        call("AnalyticsService/GetDeskSummary")

    def go_on(self, turns):
        """Waits for so many more turns."""
        with self._changed:
            goal = self.turns + turns
            expect(self._changed.wait_for(lambda: self.turns >= goal or self.errors, LIMIT), "the load does not go on")
            expect(not self.errors, f"{len(self.errors)} errors: {self.errors[:3]}")

    def end(self):
        self._over.set()
        for thread in self._threads:
            thread.join(LIMIT)
            expect(not thread.is_alive(), "a writer hangs")


class Watcher(threading.Thread):
    """Watches tickets and, when its stream breaks off, goes on elsewhere from its last token."""

    def __init__(self, service):
        super().__init__(daemon=True)
        cluster = world().cluster
        self._api = Client(f"ipv4:{cluster.first[service].address},{cluster.second[service].address}",
                           like=world().desk.of("TicketService"), service_config=SERVICE_CONFIG)
        self.entry = service
        self.seen = collections.Counter()  # (ticket name, version)
        self.breaks, self.errors, self._token, self._over = 0, [], "", False
        self._stream = self._watch()
        self._take(next(self._stream))
        self.start()

    def _watch(self):
        return self._api.watch("TicketService/WatchTickets", {"resume_token": self._token}, timeout=10 * LIMIT)

    def _take(self, change):
        self._token = change.resume_token
        if change.HasField("ticket"):
            self.seen[change.ticket.name, change.ticket.version] += 1

    def run(self):
        while not self._over:
            try:
                for change in self._stream:
                    self._take(change)
                self.errors.append("the stream ended without a word")
            except grpc.RpcError as error:
                if not self._over and error.code() != grpc.StatusCode.UNAVAILABLE:
                    self.errors.append(repr(error))
            self.breaks += 1
            self._stream = self._watch()

    def end(self):
        self._over = True
        self._stream.cancel()
        self.join(LIMIT)
        self._stream.cancel()
        self._api.close()


load = None


@case
def a_rolling_restart_under_load_is_not_noticed():
    global load
    cluster = world().cluster
    watchers = [Watcher("tickets"), Watcher("analytics")]  # served there, and passed on from there
    load = Load()
    try:
        load.go_on(TURNS)
        for service in SERVICES:
            for replicas in (cluster.first, cluster.second):
                replica = replicas[service]
                expect(replica.stop(), f"{service} had to be killed")
                load.go_on(TURNS)
                replica.begin()
                replica.wait_ready()
                load.go_on(TURNS)
    finally:
        load.end()
    expect(not load.errors, f"{len(load.errors)} errors: {load.errors[:3]}")
    titles = collections.Counter(t.title for t in all_tickets(world().desk) if t.title.startswith("load "))
    expect_equal(titles, collections.Counter(load.created.values()), "tickets by title")
    desk, changes = world().desk, set()
    for name, title in load.created.items():
        ticket = desk.call("TicketService/GetTicket", {"name": name})
        changes |= {(name, version) for version in range(1, ticket.version + 1)}
        expect_equal((ticket.title, ticket.state >= 4), (title, name not in load.unanswered), f"state of {name}")
        history = desk.call("TicketService/ListTicketHistory", {"name": name}).entries
        expect_equal([entry.version for entry in history], list(range(1, ticket.version + 1)), f"versions of {name}")
        kinds = collections.Counter(entry.type for entry in history)
        expect(max(kinds.values()) == 1, f"done twice to {name}: {kinds}")
    for watcher in watchers:
        expect(harness.poll(lambda: changes <= set(watcher.seen), LIMIT),
               f"{len(changes - set(watcher.seen))} changes were not seen through {watcher.entry}")
        watcher.end()
        expect(not watcher.errors, f"watching through {watcher.entry}: {watcher.errors[:3]}")
        expect_equal([change for change, times in watcher.seen.items() if times > 1], [], "changes that came twice")
        expect(watcher.breaks > 1, f"no restart ended a watch through {watcher.entry}")
    print(f"       {len(load.created)} tickets, {load.turns} turns over {2 * len(SERVICES)} restarts")


@case
def what_was_due_meanwhile_was_sent_once():
    desk, deliveries = world().desk, {}
    expect(load.unanswered, "no page is due")

    def sent(name):
        found = desk.call("NotificationService/ListDeliveries", {"ticket": name}).deliveries
        deliveries.update({d.delivery_id: d for d in found})
        return len(found) == 2 * len(PEOPLE) and all(d.state == 3 for d in found)
    for name in load.unanswered:
        expect(harness.poll(lambda: sent(name), LIMIT), f"{name} was not paged as it should: "
               f"{desk.call('NotificationService/ListDeliveries', {'ticket': name}).deliveries}")
        expect_equal([c.breached for c in desk.call("SlaService/ListClocks", {"ticket": name}).clocks], [True],
                     f"breaches of {name}")
    # An orderly end finishes what is on its way: nothing is a repeat, not even a possible one.
    expect_equal([i for i, d in deliveries.items() if d.possible_repeat], [], "possible repeats")
    arrived = collections.Counter(m.delivery_id for m in world().sinks.inbox.messages())
    expect_equal([m.wrong for m in world().sinks.inbox.messages() if m.wrong], [], "faults of webhooks")
    for path in world().cluster.stack.servers["smtp"].mails():
        arrived[re.search(r"^X-Watchbell-Delivery: (\S+)", path.read_text(), re.M)[1]] += 1
    wanted = collections.Counter(deliveries.keys())
    # Of a ticket that was resolved at the last moment something may have been sent as well, once.
    expect_equal({i: arrived[i] for i in wanted}, dict(wanted), "messages by delivery")
    expect_equal([i for i, count in arrived.items() if count > 1], [], "deliveries that arrived twice")


@case
def nothing_was_put_aside():
    for name in SERVICES:
        answer = Client(world().cluster.first[name].address, like=world().desk.of("TicketService"))
        letters = answer.call("AdminService/ListDeadLetters").dead_letters
        answer.close()
        expect_equal(len(letters), 0, f"dead letters of {name}: {letters[:2]}")


def watchbell(*arguments):
    return subprocess.Popen([str(harness.WATCHBELL), *map(str, arguments)], env=harness.environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@case
def client_commands_ride_out_a_restart_of_tickets():
    tickets = world().cluster.first["tickets"]
    target = f"--target={tickets.address}"
    expect(tickets.stop(), "tickets had to be killed")
    started = {
        "call": watchbell("call", target, "TicketService/CreateTicket", json.dumps(
            {**incident("By the command line"), "request_id": ""})),
        "watch": watchbell("call", target, "--timeout=60", "TicketService/ListTickets", '{"page_size": 1}'),
        "elsewhere": watchbell("call", target, "SlaService/GetCalendar", '{"calendar_id": "always"}'),
        "dead-letters": watchbell("dead-letters", "list", target)}
    said = {name: process.stderr.readline() for name, process in started.items()}  # blocks until it is tried again
    tickets.start()
    for name, process in started.items():
        output, rest = process.communicate(timeout=LIMIT)
        expect_equal(process.returncode, 0, f"exit status of {name}: {output}{said[name]}{rest}")
        expect(tickets.address in said[name], f"{name} does not say what it waits for: {said[name]}")
        if name == "call":
            made = json.loads(output)
    same = [t.name for t in all_tickets(world().desk) if t.title == "By the command line"]
    expect_equal(same, [made["name"]], "tickets by the command line")
    world().desk.insist("TicketService/ResolveTicket", {"name": made["name"], "resolution_note": "done"})


def larger_log(path):
    """The sample's invented desk with more tickets."""
    spec = importlib.util.spec_from_file_location("make_sample_log",
                                                  harness.ROOT / "tests" / "data" / "make_sample_log.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    maker.TICKETS = REPLAYED_TICKETS
    path.write_text(maker.make())


@case
def a_replay_rides_out_a_restart_of_tickets():
    folder, tickets = harness.temporary_folder(), world().cluster.first["tickets"]
    larger_log(folder / "log.csv")
    done = harness.run("replay", "--format=servicenow-audit", folder / "log.csv", f"--report={folder / 'one.json'}")
    expect_equal(done.returncode, 0, f"exit status of a replay in one process\n{done.stderr[-2000:]}")
    method = "watchbell.tickets.v1.ImportService/ImportBatch"

    def batches():
        return sum(value for _, value in Metrics(tickets).all("rpc_seconds_count", method=method, code="OK"))
    before = batches()
    replay = watchbell("replay", "--format=servicenow-audit", folder / "log.csv", f"--report={folder / 'five.json'}",
                       f"--target={tickets.address}", "--tenant=replayed")
    expect(harness.poll(lambda: batches() > before, LIMIT, every=0.01), "the replay sends nothing")
    expect(tickets.stop(), "tickets had to be killed")
    expect(replay.poll() is None, "the replay ended without tickets")
    tickets.start()
    output, said = replay.communicate(timeout=LIMIT)
    expect_equal(replay.returncode, 0, f"exit status of the replay\n{output[-1000:]}{said[-2000:]}")
    expect(batches() > 0, "the restart came when all was imported")
    expect((folder / "five.json").read_bytes() == (folder / "one.json").read_bytes(),
           "the report is not that of one process")


@case
def all_end_when_asked():
    world().cluster.end(world().cluster.second)
    ran, killed = world().cluster.stack.down()
    expect_equal((len(ran), killed), (8, []), "what ran, and what had to be killed")


if __name__ == "__main__":
    harness.main()
