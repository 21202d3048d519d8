#!/usr/bin/python3
"""kill -9 under load, several times: what was acknowledged is there, what was due was sent, nothing twice unsaid."""
import collections
import threading
import uuid

import harness
from harness import case, expect, expect_equal
from client import Client, RpcError, incident
from desk_client import alert_payload, set_up_desk
from sinks import Sinks

KILLS = 4
WRITERS = 6
CREATED_PER_ROUND = 30  # tickets acknowledged before deliveries are looked for, and again before the kill
SECRET = "a secret of the test"
QUIET_SECONDS = 240
ON_CALL = ["ada", "grace", "margaret"]  # step one, step two, catch-all


class World:
    """The server, its sinks and what its callers were promised."""

    def __init__(self):
        self.sinks = Sinks(SECRET)
        folder = harness.temporary_folder()
        secret_file = folder / "secret"
        secret_file.write_text(SECRET + "\n")
        self.server = harness.Server(folder / "data", f"--smtp-url={self.sinks.smtp_url}", "--smtp-tls=off",
                                     f"--webhook-secret-file={secret_file}")
        self.lock = threading.Condition()
        self.like = None
        self._clients = []
        self.generation = 0  # grows with each start; -1 = over
        self.limit = 0       # tickets after which writers rest
        self.created = {}    # ticket name -> title, as acknowledged
        self.acknowledged = set()
        self.alerts = {}     # alert name -> ticket, as answered
        self.repeats = 0     # calls sent again because their answer was lost
        self.wrong = []
        self.listed, self.deliveries, self.twice = {}, {}, 0  # what the cases found

    def start(self):
        self.server.start()
        if self.like is None:
            self.like = Client(self.server.target)
        with self.lock:
            self.generation += 1
            self.lock.notify_all()

    def client(self):
        api = Client(self.server.target, like=self.like)
        self._clients.append(api)
        return api

    def stop(self):
        for api in [self.like, *self._clients]:
            api.close()
        self.sinks.stop()
        return self.server.terminate()


world = None


class Writer(threading.Thread):
    """Sends commands one after the other; each is sent again, as it was, until it is answered."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.number = number
        self.generation = 0
        self.api = None

    def run(self):
        try:
            for turn in range(10**6):
                if not self.turn(f"{self.number}-{turn}", turn):
                    return
        except Exception as error:  # shows in the verdict
            with world.lock:
                world.wrong.append(f"writer {self.number}: {error!r}")

    def insist(self, method, fields):
        """The answer; None when the load is over."""
        while True:
            with world.lock:
                world.lock.wait_for(lambda: world.generation not in (0, self.generation) or self.api is not None)
                if world.generation < 0:
                    return None
                if world.generation != self.generation:
                    self.generation, self.api = world.generation, world.client()
            try:
                return self.api.call(method, fields, timeout=10)
            except RpcError as error:
                if error.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "CANCELLED"):
                    raise
                with world.lock:
                    world.repeats += 1
                    # Wait for the next start, or a moment if the server only was busy.
                    world.lock.wait_for(lambda: world.generation != self.generation, 2)

    def turn(self, title, turn):
        with world.lock:
            world.lock.wait_for(lambda: len(world.created) < world.limit or world.generation < 0)
        ticket = self.insist("TicketService/CreateTicket", incident(title))
        if ticket is None:
            return False
        with world.lock:
            world.created[ticket.name] = title
            world.lock.notify_all()
        if turn % 3 == 0:
            taken = self.insist("TicketService/AcknowledgeTicket",
                                {"name": ticket.name, "request_id": str(uuid.uuid4())})
            if taken is None:
                return False
            with world.lock:
                world.acknowledged.add(ticket.name)
        if turn % 5 == 0:
            name = f"Alert{title}"
            payload = alert_payload(name)
            for _ in range(2):  # with a request id of its own each time: one ticket all the same
                answer = self.insist("TicketService/PublishAlerts",
                                     {"payload": payload, "request_id": str(uuid.uuid4())})
                if answer is None:
                    return False
                alert = answer.outcomes[0].ticket.rsplit("/", 1)[-1]
                with world.lock:
                    if world.alerts.setdefault(name, alert) != alert:
                        world.wrong.append(f"{name} opened {world.alerts[name]} and {alert}")
        return True


def create_more(count, rest):
    """Waits until so many more tickets are acknowledged; then the writers rest, or go on."""
    with world.lock:
        goal = len(world.created) + count
        world.limit = goal if rest else 10**9
        world.lock.notify_all()
        enough = world.lock.wait_for(lambda: len(world.created) >= goal or world.wrong, 120)
    expect(enough and not world.wrong, f"the load did not go on: {world.wrong}\n{world.server.log()}")


@case
def is_killed_under_load_and_goes_on():
    global world
    world = World()
    world.start()
    set_up_desk(world.client(), world.sinks.webhook_url, ON_CALL)
    writers = [Writer(n) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    for kill in range(KILLS):
        # Both sinks keep one sender waiting for its answer: the kill finds deliveries in flight.
        world.sinks.inbox.hold_next("mail")
        world.sinks.inbox.hold_next("webhook")
        create_more(CREATED_PER_ROUND, rest=True)
        expect(world.sinks.inbox.wait_held(["mail", "webhook"], 60), f"nothing was in flight in round {kill}")
        create_more(CREATED_PER_ROUND, rest=False)
        world.server.kill()  # in the middle of whatever the writers sent
        world.sinks.inbox.release()
        world.start()
    with world.lock:
        world.generation = -1
        world.lock.notify_all()
    for writer in writers:
        writer.join(60)
        expect(not writer.is_alive(), "a writer hangs")
    expect(not world.wrong, "; ".join(world.wrong))
    print(f"       {len(world.created)} tickets and {len(world.alerts)} alerts over {KILLS} kills, "
          f"{world.repeats} calls sent again")


@case
def every_acknowledged_command_is_there():
    api = world.client()
    listed, token = {}, ""
    while True:
        page = api.call("TicketService/ListTickets", {"page_size": 500, "page_token": token})
        for ticket in page.tickets:
            expect(ticket.name not in listed, f"{ticket.name} is listed twice")
            listed[ticket.name] = ticket
        token = page.next_page_token
        if not token:
            break
    for name, title in world.created.items():
        ticket = api.call("TicketService/GetTicket", {"name": name})
        expect_equal(ticket.title, title, f"title of {name}")
        expect(name in listed, f"{name} is not listed")
        if name in world.acknowledged:
            expect(ticket.HasField("acknowledged_at"), f"the acknowledgement of {name} is lost")
        history = api.call("TicketService/ListTicketHistory", {"name": name}).entries
        expect_equal([e.version for e in history], list(range(1, ticket.version + 1)), f"versions of {name}")
    titles = collections.Counter(t.title for t in listed.values() if not t.alert_fingerprint)
    expect_equal([t for t, n in titles.items() if n > 1], [], "tickets created twice under one request id")
    fingerprints = collections.Counter(t.alert_fingerprint for t in listed.values() if t.alert_fingerprint)
    expect_equal([f for f, n in fingerprints.items() if n > 1], [], "alerts with two tickets")
    for name, ticket in world.alerts.items():
        expect(f"tickets/{ticket}" in listed, f"the ticket of {name} is lost")
    world.listed = listed


def deliveries_of(api, name):
    return list(api.call("NotificationService/ListDeliveries", {"ticket": name}).deliveries)


def is_at_rest(api, name, responded):
    try:
        runs = api.call("EscalationService/ListRuns", {"ticket": name}).runs
    except RpcError as error:
        if error.code != "NOT_FOUND":
            raise
        return False  # escalation has not heard of it yet
    if not responded and not runs:
        return False  # its breach is still to come
    done = all(run.end != 0 for run in runs) and all(d.state in (3, 4, 5) for d in deliveries_of(api, name))
    return done and (responded or any(d.person == ON_CALL[-1] for d in deliveries_of(api, name)))


@case
def every_page_that_was_due_was_sent():
    api = world.client()
    waiting = {n for n in world.listed}

    def settled():
        # Clocks of tickets that were acknowledged in time never breach.
        for name in list(waiting):
            if is_at_rest(api, name, world.listed[name].HasField("acknowledged_at")):
                waiting.discard(name)
        return not waiting
    harness.poll(settled, QUIET_SECONDS, every=0.25)
    expect(not waiting, f"{len(waiting)} tickets never came to rest, as {sorted(waiting)[:3]}\n" + world.server.log())
    world.deliveries = {}
    unsent = []
    for name, ticket in world.listed.items():
        for delivery in deliveries_of(api, name):
            expect(delivery.delivery_id not in world.deliveries, f"{delivery.delivery_id} is listed twice")
            world.deliveries[delivery.delivery_id] = delivery
        if ticket.HasField("acknowledged_at"):
            continue
        sent = collections.Counter((d.person, d.medium) for d in deliveries_of(api, name) if d.state == 3)
        due = {(person, medium): 1 for person in ON_CALL for medium in (1, 2)}
        if dict(sent) != due:
            unsent.append(f"{name}: {dict(sent)}")
    expect(not unsent, f"{len(unsent)} tickets were not paged as they should: {unsent[:5]}")
    expect(len(world.deliveries) > 200, f"only {len(world.deliveries)} deliveries")


@case
def the_sinks_agree_delivery_by_delivery():
    sent = {i: d for i, d in world.deliveries.items() if d.state == 3}
    copies = collections.Counter(m.delivery_id for m in world.sinks.inbox.messages())
    expect_equal([m.wrong for m in world.sinks.inbox.messages() if m.wrong][:3], [], "what is wrong with messages")
    expect_equal(sorted(set(sent) - set(copies))[:5], [], "deliveries called sent that never arrived")
    # One that was in flight when its ticket was acknowledged and the server killed is cancelled, and arrived.
    strangers = sorted(i for i in set(copies) - set(sent)
                       if i not in world.deliveries or world.deliveries[i].state != 5)
    expect_equal(strangers[:5], [], "messages whose delivery is not called sent")
    unsaid = [i for i, n in copies.items() if n > 1 and not world.deliveries[i].possible_repeat]
    expect_equal(unsaid[:5], [], "deliveries that arrived twice and are not marked")
    for delivery_id, count in copies.items():
        expect(count <= 1 + KILLS, f"{delivery_id} arrived {count} times")
    # Every copy but the first says on its face that it may be one.
    seen = set()
    for message in world.sinks.inbox.messages():
        expect(message.possible_repeat or message.delivery_id not in seen,
               f"{message.delivery_id}: its second copy does not say so")
        seen.add(message.delivery_id)
    world.twice = sum(1 for n in copies.values() if n > 1)
    # One mail and one webhook were in flight at each kill, and the first copy of each had arrived.
    expect(world.twice >= 2, f"only {world.twice} repeats: the kills found nothing in flight")
    print(f"       {len(sent)} deliveries sent, {world.twice} of them twice, all marked")


@case
def repeats_are_counted():
    api = world.client()
    marked = sum(1 for d in world.deliveries.values() if d.possible_repeat and d.state == 3)
    sent = sum(1 for d in world.deliveries.values() if d.state == 3)

    def counted():
        counts = api.call("AnalyticsService/GetDeskSummary").deliveries
        return (counts.sent, counts.possible_repeats) == (sent, marked)
    expect(harness.poll(counted, 30), f"analytics counts {api.call('AnalyticsService/GetDeskSummary').deliveries}, "
           f"notifications has {sent} sent, {marked} of them possible repeats")
    expect(marked >= world.twice, f"{world.twice} came twice, {marked} are marked")
    expect_equal(len(api.call("AdminService/ListDeadLetters").dead_letters), 0, "dead letters")


@case
def nothing_is_sent_again_after_another_kill():
    before = len(world.sinks.inbox.messages())
    world.server.kill()
    world.start()
    expect_equal(world.client().health(), 1, "health after the last start")
    # A new ticket's pages come after whatever recovery would send.
    api = world.client()
    name = api.call("TicketService/CreateTicket", incident("last")).name
    expect(harness.poll(lambda: is_at_rest(api, name, False), 60), "the last ticket was not paged")
    expect_equal(len(world.sinks.inbox.messages()) - before, 2 * len(ON_CALL), "messages after the last kill")
    expect_equal(world.stop(), 0, "exit status after SIGTERM")


if __name__ == "__main__":
    harness.main()
