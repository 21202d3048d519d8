#!/usr/bin/python3
"""Two replicas of every service: who holds the shards, one ticket through both, timers over kills and zombies."""
import collections
import concurrent.futures
import contextlib
import json
import random
import threading
import time
import uuid

import harness
from harness import case, expect, expect_equal
from client import RpcError, incident
from cluster import TAKEOVER_SECONDS, Cluster, shard_of
from desk_client import set_up_desk
from sinks import Sinks
from stack import SERVICES
from ticket_model import (IN_PROGRESS, NEW, ON_HOLD, Attempt, expect_serial)

PEOPLE = ("ada", "grace", "margaret")  # on call, second step, catch-all
SECRET = "a secret of the test"
LATENESS_SECONDS = 5
REST_SECONDS = 180
HAMMERED, HAMMERS, BLOWS = 4, 8, 100  # tickets, threads, commands of each
ARMED_BEFORE = 30  # tickets whose clocks run when a holder goes


class World:
    def __init__(self):
        self.sinks = Sinks(SECRET)
        harness.at_end(self.sinks.stop)
        self.cluster = Cluster(flags={"notifications": [f"--smtp-url={self.sinks.smtp_url}",
                                                        f"--webhook-secret={SECRET}"]})
        self.cluster.start()
        self.by_first, self.by_second = None, None  # commands through the first or the second replica of tickets
        self.by_first = self.cluster.desk()
        self.paged = set()  # tickets that had to be paged to the end

    def create(self, desk, title):
        """The id of a new ticket."""
        ticket = desk.insist("TicketService/CreateTicket", incident(title))
        self.paged.add(ticket.ticket_id)
        return ticket.ticket_id


world = None


def lateness(tickets):
    """By ticket, how late its breach was recorded; each has exactly one."""
    found = {}
    for ticket, due, recorded, actor in world.cluster.events("sla", "sla.clock_breached", tickets):
        expect(ticket not in found, f"{ticket} breached twice")
        expect_equal(actor, "service:sla", f"who found the breach of {ticket}")
        found[ticket] = recorded - due
    return found


def wait_breached(tickets):
    expect(harness.poll(lambda: len(lateness(tickets)) == len(tickets), REST_SECONDS, every=0.2),
           f"only {len(lateness(tickets))} of {len(tickets)} breaches")
    return lateness(tickets)


def wait_paged(tickets):
    """Until the run of each has ended and every page was sent; each page once."""
    def ended():
        return len(world.cluster.events("escalation", "escalation.run_ended", tickets)) >= len(tickets)
    expect(harness.poll(ended, REST_SECONDS, every=0.2),
           f"of {len(tickets)} runs ended: {len(world.cluster.events('escalation', 'escalation.run_ended', tickets))}")
    pages = collections.Counter(event[0] for event in
                                world.cluster.events("escalation", "escalation.page_requested", tickets))
    expect_equal({t: n for t, n in pages.items() if n != len(PEOPLE)}, {}, "tickets with other pages than three")
    wanted = {ticket: 2 * len(PEOPLE) for ticket in tickets}

    def sent():
        return collections.Counter(e[0] for e in world.cluster.events("notifications", "notification.sent", tickets))
    expect(harness.poll(lambda: sent() == wanted, REST_SECONDS, every=0.2), f"sent, not six of each: {sent()}")


def expect_moved(before):
    """With every change of holder a lease's epoch has grown."""
    for service in SERVICES:
        for shard, (address, epoch) in world.cluster.leases(service).items():
            holder, old = before[service][shard]
            expect(epoch > old or (epoch, address) == (old, holder),
                   f"{service}: shard {shard} was {holder}'s under epoch {old} and is {address}'s under {epoch}")


def figures(late):
    values = sorted(late)
    return f"p50 {values[len(values) // 2] * 1e3:.0f} ms, max {values[-1] * 1e3:.0f} ms of {len(values)}"


def armed_in(tickets):
    """How long after its creation the clock of each was attached."""
    return [recorded - occurred for _, occurred, recorded, _ in
            world.cluster.events("sla", "sla.clock_attached", tickets)]


def expect_noted():
    """A write of another one than the holder does not pass unseen."""
    shard = world.cluster.sql("SELECT shard FROM sla.relay_positions LIMIT 1")[0][0]
    world.cluster.sql(f"UPDATE sla.relay_positions SET shard = shard WHERE shard = {shard}", role="second")
    try:
        world.cluster.expect_fenced()
    except harness.Failure:
        world.cluster.sql("DELETE FROM audit.writes WHERE writer = 'second'")
        return
    raise harness.Failure("a write of another one than the holder was not noted")


@case
def shards_are_spread_and_go_back():
    global world
    world = World()
    cluster = world.cluster
    cluster.wait_shares(16, 0)
    set_up_desk(world.by_first, world.sinks.webhook_url, PEOPLE)
    # What a single replica does, for comparison, when everybody knows every topic.
    first = {world.create(world.by_first, f"first {n}") for n in range(40)}
    wait_breached(first)
    alone = {world.create(world.by_first, f"alone {n}") for n in range(20)}
    late = wait_breached(alone)
    print(f"       a single replica: armed after {figures(armed_in(alone))}; late {figures(late.values())}")
    expect_noted()
    before = {service: cluster.leases(service) for service in SERVICES}
    cluster.begin(cluster.second)
    cluster.wait_shares(8, 8)
    expect_moved(before)
    began = time.monotonic()
    cluster.end(cluster.second)
    cluster.wait_shares(16, 0)
    print(f"       all shards were back {time.monotonic() - began:.1f} s after the second replicas were asked to end")
    wait_paged(first | alone)
    cluster.begin(cluster.second)
    cluster.wait_shares(8, 8)
    world.by_second = cluster.desk(cluster.second["tickets"])
    print(f"       {cluster.expect_fenced()} writes of holders")


class Hammer:
    """One client with a connection to both replicas; it changes a few tickets as others do at the same time."""

    def __init__(self, number, tickets, seen):
        self.random = random.Random(number)
        self.subject = f"agent-{number}"
        identity = {"tenant": "anvil", "subject": self.subject, "roles": "agent,manager"}
        self.desks = [world.cluster.desk(**identity), world.cluster.desk(world.cluster.second["tickets"], **identity)]
        self.tickets, self.seen = tickets, dict(seen)
        self.acknowledged = set()
        self.pool = concurrent.futures.ThreadPoolExecutor(2)

    def work(self):
        """What was attempted, by ticket."""
        attempts = collections.defaultdict(list)
        for turn in range(BLOWS):
            name = self.random.choice(self.tickets)
            attempts[name].append(self.strike(name, turn))
        return attempts

    def command(self, name, turn):
        unique = f"{self.subject}-{turn}"
        kind = self.random.choice(["StartWork", "HoldTicket", "ResumeTicket", "ResolveTicket", "CloseTicket",
                                   "ReopenTicket", "ReopenTicket", "AcknowledgeTicket", "AssignTicket", "AddComment",
                                   "UpdateTicket"])
        if kind == "AcknowledgeTicket" and name in self.acknowledged:
            kind = "AddComment"
        self.acknowledged.update([name] if kind == "AcknowledgeTicket" else [])
        hold = {"reason": self.random.choice(["HOLD_REASON_USER", "HOLD_REASON_VENDOR"])}
        target = self.random.choice([NEW, IN_PROGRESS, ON_HOLD])
        more = {"HoldTicket": hold, "ResolveTicket": {"resolution_code": unique}, "AssignTicket": {"assignee": unique},
                "CloseTicket": {"resolve": self.random.random() < 0.5, "resolution_code": unique},
                "ReopenTicket": {"target": target, "reason": unique,
                                 **({"hold_reason": hold["reason"]} if target == ON_HOLD else {})},
                "AddComment": {"text": unique}, "UpdateTicket": {"changes": {"site": unique, "vendor": unique}}}
        fields = {"name": name, "request_id": str(uuid.uuid4()), **more.get(kind, {})}
        if self.random.random() < 0.3:
            fields["etag"] = f"v{self.seen[name]}"
        return kind, fields

    def strike(self, name, turn):
        """One command, through one replica or, under the same request id, through both at once."""
        attempt = Attempt(self.subject, *self.command(name, turn), self.seen[name])
        desks = self.desks if self.random.random() < 0.3 else [self.random.choice(self.desks)]

        def send(desk):
            try:
                return desk.call(f"TicketService/{attempt.method}", attempt.fields)
            except RpcError as error:
                return error
        for answer in self.pool.map(send, desks):
            if isinstance(answer, RpcError):
                attempt.refusals.append(answer)
                continue
            expect(attempt.ticket is None or answer == attempt.ticket, f"{attempt} took effect twice: "
                   f"version {answer.version} and before {attempt.ticket.version if attempt.ticket else None}")
            attempt.ticket = answer
            self.seen[name] = answer.version
        return attempt


def together(functions):
    """Runs these at the same time; what they return. The first failure is raised."""
    with concurrent.futures.ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(function) for function in functions]]


def history_of(desk, name):
    entries, token = [], ""
    while True:
        page = desk.call("TicketService/ListTicketHistory", {"name": name, "page_size": 500, "page_token": token})
        entries += page.entries
        token = page.next_page_token
        if not token:
            return entries


@case
def one_ticket_through_both_has_one_history():
    cluster = world.cluster
    desks = [cluster.desk(tenant="anvil"), cluster.desk(cluster.second["tickets"], tenant="anvil")]
    # Every request goes to both replicas at once: the tickets and their numbers are drawn once all the same.
    requests = [incident(f"anvil {n}", group="forge") for n in range(5 * HAMMERED)]
    made = together([lambda desk=desk, request=request: desk.call("TicketService/CreateTicket", request)
                     for request in requests for desk in desks])
    for one, other in zip(made[::2], made[1::2]):
        expect_equal(one, other, "answers of both replicas to one request")
    names = [ticket.name for ticket in made[::2]]
    expect_equal(sorted(names, key=lambda n: int(n.split("-")[1])),
                 [f"tickets/inc-{n}" for n in range(1, len(names) + 1)], "numbers of tickets made at the same time")
    names = names[:HAMMERED]
    hammers = [Hammer(n, names, {name: 1 for name in names}) for n in range(HAMMERS)]
    attempts = collections.defaultdict(list)
    for found in together([hammer.work for hammer in hammers]):
        for name, some in found.items():
            attempts[name] += some
    counts = collections.Counter()
    for name in names:
        history = history_of(desks[0], name)
        expect_equal(history_of(desks[1], name), history, f"history of {name} by the other replica")
        model = expect_serial(history, attempts[name], "forge")
        last = [desk.call("TicketService/GetTicket", {"name": name}) for desk in desks]
        expect_equal(last[0], last[1], f"{name} by both replicas")
        expect_equal((last[0].version, model.facts_of(last[0])), (len(history), model.facts()), f"{name} in the end")
        for attempt in attempts[name]:
            counts.update(["taken"] if attempt.ticket else [])
            counts.update(error.reason for error in attempt.refusals)
        ticket_id = name.split("/")[1]

        def applied(ticket_id=ticket_id):
            return [int(row[0]) for service in ("sla", "escalation", "analytics") for row in cluster.sql(
                f"SELECT version FROM {service}.stream_positions WHERE topic = 'watchbell.tickets.v1' "
                f"AND tenant = 'anvil' AND stream_id = '{ticket_id}'")]
        expect(harness.poll(lambda: applied() == [len(history)] * 3, REST_SECONDS, every=0.2),
               f"consumers have {applied()} of {len(history)} events of {name}")
    expect(counts["taken"] > HAMMERS * BLOWS / 5, f"hardly anything was taken: {counts}")
    print(f"       {HAMMERS * BLOWS} commands on {HAMMERED} tickets: {dict(counts)}")
    print(f"       {cluster.expect_fenced()} writes of holders")


@case
def commands_through_the_one_that_does_not_hold_the_shard():
    cluster = world.cluster
    leases = cluster.leases("tickets")
    names = sorted(int(row[0].split("-")[1]) for row in cluster.sql(
        "SELECT ticket_id FROM tickets.ticket_index WHERE tenant = 'default'"))
    tickets = set()
    for number in range(names[-1] + 1, names[-1] + 41):
        # Numbers are drawn one after the other: who holds the next one's shard is known before it is made.
        holder = leases[shard_of(f"inc-{number}")][0]
        desk = world.by_second if holder == cluster.first["tickets"].address else world.by_first
        ticket = world.create(desk, f"elsewhere {number}")
        expect_equal(ticket, f"inc-{number}", "number of the next ticket")
        tickets.add(ticket)
    late = wait_breached(tickets)
    after = cluster.leases("tickets")
    stayed = {ticket for ticket in tickets if after[shard_of(ticket)] == leases[shard_of(ticket)]}
    expect(len(stayed) > len(tickets) / 2, f"leases moved meanwhile: {leases}, then {after}")
    print(f"       through the one that does not hold the shard: armed after {figures(armed_in(tickets))}; "
          f"late {figures(late.values())}")
    expect(max(late.values()) < LATENESS_SECONDS, f"lateness: {late}")
    wait_paged(tickets)
    print(f"       {cluster.expect_fenced()} writes of holders")


class Stream(threading.Thread):
    """Opens tickets one after the other until it is told to end."""

    def __init__(self, desk, title):
        super().__init__(daemon=True)
        self.desk, self.title = desk, title
        self.tickets, self.wrong = set(), []
        self._end = threading.Event()
        self.start()

    def run(self):
        try:
            while not self._end.wait(0.1):
                self.tickets.add(world.create(self.desk, f"{self.title} {len(self.tickets)}"))
        except Exception as error:  # shows in the verdict
            self.wrong.append(error)

    def end(self):
        self._end.set()
        self.join(TAKEOVER_SECONDS)
        expect(not self.is_alive() and not self.wrong, f"the stream of tickets: {self.wrong}")
        return set(self.tickets)


def hold_a_page(desk, gone, title):
    """Returns when a sender of the replica that is about to go waits for its answer; the tickets made for it."""
    world.sinks.inbox.hold_next("webhook", 1000)
    shards = [shard for shard, (address, _) in world.cluster.leases("notifications").items()
              if address == gone["notifications"].address]
    tickets = {world.create(desk, f"{title}, held {n}") for n in range(20)}

    def is_ours(message):
        ticket = json.loads(message.text)["ticket"].split("/")[-1] if message.medium == "webhook" else None
        return ticket in tickets and shard_of(ticket) in shards
    expect(world.sinks.inbox.wait_for(lambda messages: any(map(is_ours, messages)), REST_SECONDS),
           "none of its pages came to a sink")
    return tickets


@contextlib.contextmanager
def taken_over(desk, gone, stay, title):
    """Goes through the body, which makes `gone` stop, while tickets are opened; all their timers fire once, in time."""
    cluster = world.cluster
    held = hold_a_page(desk, gone, title)
    policy = {"policy_set_id": "quick", "targets": [
        {"target_id": "response", "metric": "METRIC_FIRST_RESPONSE", "duration": "4s", "basis": "TIME_BASIS_BUSINESS",
         "calendar_id": "always"}]}
    desk.insist("SlaService/PutPolicySet", {"policy_set": policy, "request_id": str(uuid.uuid4())})
    before = {service: cluster.leases(service) for service in SERVICES}
    stream = Stream(desk, title)

    def armed():
        return {event[0] for event in cluster.events("sla", "sla.clock_attached", set(stream.tickets))}
    expect(harness.poll(lambda: len(armed()) >= ARMED_BEFORE, REST_SECONDS, every=0.1), "the clocks were not armed")
    seen = armed()
    went = time.time()
    try:
        yield
    except BaseException:
        stream.end()
        raise
    finally:
        world.sinks.inbox.release()
    lost = {ticket for ticket in seen
            if before["sla"][shard_of(ticket)][0] == gone["sla"].address}
    for service in SERVICES:
        def over(service=service):
            return all(address == stay[service].address for address, _ in cluster.leases(service).values())
        expect(harness.poll(over, TAKEOVER_SECONDS, every=0.1), f"shards of {service} were not taken over")
    print(f"       all shards were taken over {time.time() - went:.1f} s after the replicas went")
    expect_moved(before)
    tickets = stream.end()
    late = wait_breached(tickets)
    wait_breached(held)
    expect(len(lost) >= ARMED_BEFORE / 5, f"only {len(lost)} timers were taken over")
    expect(any(due > went for ticket, due, _, _ in cluster.events("sla", "sla.clock_breached", lost)),
           "no timer was due after the replicas went")
    taken = {ticket: late[ticket] for ticket in lost}
    print(f"       taken over: late {figures(taken.values())}; all: late {figures(late.values())}")
    expect(max(taken.values()) < LATENESS_SECONDS, f"lateness of timers taken over: {taken}")
    wait_paged(tickets | held)


@case
def timers_of_killed_replicas_fire_once():
    cluster = world.cluster
    with taken_over(world.by_first, cluster.second, cluster.first, "killed"):
        for replica in cluster.second.values():
            replica.kill9()
    cluster.begin(cluster.second)
    cluster.wait_shares(8, 8)
    print(f"       {cluster.expect_fenced()} writes of holders")


@case
def frozen_replicas_wake_up_as_nobody():
    cluster = world.cluster
    desk = world.cluster.desk(cluster.second["tickets"])
    # The other services are asked through their second replicas too: the first ones do not answer.
    for name in SERVICES:
        desk.clients[name] = type(desk.clients[name])(cluster.second[name].address, like=desk.clients[name])
    try:
        with taken_over(desk, cluster.first, cluster.second, "frozen"):
            for replica in cluster.first.values():
                replica.freeze()
        held = {service: cluster.leases(service) for service in SERVICES}
        positions = progress()
    finally:
        for replica in cluster.first.values():
            replica.thaw()
    cluster.wait_shares(8, 8)
    expect_moved(held)
    for service in SERVICES:
        expect("leases moved on without this replica's doing" in cluster.log(cluster.first[service]),
               f"the first replica of {service} did not see that its shards were taken")
    now = progress()
    expect_equal({k: (v, now[k]) for k, v in positions.items() if now[k] < v}, {}, "positions that went back")
    # Both are of use again.
    tickets = {world.create(one, f"thawed {n}") for n in range(10) for one in (world.by_first, world.by_second)}
    late = wait_breached(tickets)
    print(f"       after it: late {figures(late.values())}; {cluster.expect_fenced()} writes of holders")
    wait_paged(tickets)


def progress():
    """(service, table, topic, shard) -> how far."""
    rows = {}
    for service in SERVICES:
        for shard, sequence in world.cluster.sql(f"SELECT shard, sequence FROM {service}.relay_positions"):
            rows[service, "relay_positions", "", shard] = int(sequence)
        for topic, shard, sequence in world.cluster.sql(
                f"SELECT topic, shard, sequence FROM {service}.topic_positions WHERE topic <> ''"):
            rows[service, "topic_positions", topic, shard] = int(sequence)
    return rows


@case
def every_page_came_once_but_those_in_flight():
    breached = collections.Counter(event[0] for event in world.cluster.events("sla", "sla.clock_breached"))
    expect_equal({t: n for t, n in breached.items() if n != 1}, {}, "tickets that breached more than once")
    expect_equal(set(breached), world.paged, "tickets that breached")
    deliveries = {}
    for ticket in sorted(world.paged):
        found = world.by_first.insist("NotificationService/ListDeliveries", {"ticket": f"tickets/{ticket}"}).deliveries
        pages = collections.Counter((d.person, d.medium) for d in found if d.state == 3)
        wanted = {(person, medium): 1 for person in PEOPLE for medium in (1, 2)}
        expect_equal(dict(pages), wanted, f"pages sent for {ticket}")
        deliveries.update({d.delivery_id: d for d in found})
    messages = world.sinks.inbox.messages()
    expect_equal([m.wrong for m in messages if m.wrong][:3], [], "what is wrong with messages")
    copies = collections.Counter(m.delivery_id for m in messages)
    unmarked = collections.Counter(m.delivery_id for m in messages if not m.possible_repeat)
    expect_equal(set(copies), set(deliveries), "deliveries at the sinks")
    expect_equal({i: n for i, n in unmarked.items() if n > 1}, {}, "deliveries that came twice and do not say so")
    twice = [i for i, n in copies.items() if n > 1]
    expect_equal([i for i in twice if not deliveries[i].possible_repeat], [], "deliveries that came twice unsaid")
    expect_equal(len(world.by_first.insist("AdminService/ListDeadLetters", {}).dead_letters), 0, "dead letters")
    expect(len(twice) >= 2, f"only {len(twice)} came twice: nothing was in flight when replicas went")
    print(f"       {len(copies)} deliveries, {len(twice)} of them in flight when their replica went and sent again")


if __name__ == "__main__":
    harness.main()
