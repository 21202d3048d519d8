#!/usr/bin/env python3
"""Strangers around five processes: kcat and Kafka's Java client as producers and consumers, a tracing grpc client,
lag tools, scrapers and health checks."""
import base64
import collections
import datetime
import email
import email.policy
import json
import re
import uuid

import harness
from harness import case, expect, expect_equal
from client import Client, RpcError, incident
from desk_client import DeskClient, alert_payload, set_up_desk
from java_client import JavaClient
import kcat
from metrics import Metrics
from sinks import Sinks
from stack import SERVICES, Stack

SECRET = "a secret of the test"
LIMIT = 120
PEOPLE = ["ada", "grace", "margaret"]  # step one, step two, catch-all
RAW = "watchbell.alerts.raw.v1"
TOPICS = {"watchbell.tickets.v1": "tickets", "watchbell.alerts.v1": "tickets", "watchbell.sla.v1": "sla",
          "watchbell.escalation.v1": "escalation", "watchbell.notifications.v1": "notifications"}
CONSUMED = {"tickets": {"watchbell.escalation.v1", RAW}, "sla": {"watchbell.tickets.v1"},
            "escalation": {"watchbell.tickets.v1", "watchbell.sla.v1"}, "notifications": {"watchbell.escalation.v1"},
            "analytics": set(TOPICS) - {"watchbell.alerts.v1"}}
PARTITIONS = 16
MORE_TICKETS = 40  # so that keys lie on many partitions

UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
TRACE = r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
# Name -> form; what is in OPTIONAL may be missing. See README.md of protos.
HEADERS = {
    "ce_specversion": r"1\.0", "ce_id": UUID7, "ce_source": r"//watchbell/[a-z]+",
    "ce_type": r"io\.watchbell\.[a-z_]+\.[a-z_]+\.v\d+", "ce_subject": r"[^\x00-\x1f\x7f]+", "ce_time": TIME,
    "ce_recordedtime": TIME, "content-type": r"application/protobuf",
    "ce_dataschema": r"https://[a-z.]+/schemas/(?P<message>[A-Za-z0-9_.]+)\?revision=(?P<revision>[0-9a-f]{16})",
    "ce_partitionkey": r"[^\x00-\x1f\x7f]+", "ce_sequence": r"\d{20}", "ce_journalsequence": r"[1-9]\d*",
    "ce_tenant": r"[a-z0-9-]+", "ce_causationid": r"[^\x00-\x1f\x7f]+", "ce_correlationid": r"[^\x00-\x1f\x7f]+",
    "ce_actor": r"[^\x00-\x1f\x7f]+", "ce_sourcerecordedtime": TIME, "ce_traceparent": TRACE, "traceparent": TRACE}
OPTIONAL = {"ce_causationid", "ce_correlationid", "ce_actor", "ce_sourcerecordedtime", "ce_traceparent", "traceparent"}


class World:
    def __init__(self):
        self.sinks = Sinks(SECRET)
        self.stack = Stack(harness.temporary_folder() / "stack", harness.BIN, free_ports=True,
                           flags={"notifications": [f"--webhook-secret={SECRET}"]})
        harness.at_end(self.stop)
        self.stack.up()
        self.desk = DeskClient({name: self.stack.servers[name].address for name in SERVICES})
        self.java = JavaClient(self.stack.brokers)
        self.created = 0   # CreateTicket calls that were answered
        self.breaches = 0  # tickets that nobody answered in time
        self.records = []  # of the lifecycle topics, by the Java client
        self.traces = {}   # ticket id -> trace id
        set_up_desk(self.desk, self.sinks.webhook_url, people=PEOPLE)

    def stop(self):
        self.desk.close()
        self.sinks.stop()
        self.stack.down()

    def produce(self, topic, value, key=None, headers=()):
        kcat.publish(self.stack.brokers, topic, value, key, headers)

    def create(self, title, api=None):
        ticket = (api or self.desk).call("TicketService/CreateTicket", incident(title))
        self.created += 1
        return ticket

    def tickets(self):
        """title -> tickets."""
        found, token = collections.defaultdict(list), ""
        while True:
            page = self.desk.call("TicketService/ListTickets", {"page_size": 500, "page_token": token})
            for ticket in page.tickets:
                found[ticket.title].append(ticket)
            token = page.next_page_token
            if not token:
                return found

    def mails(self):
        """By ticket id."""
        found = collections.defaultdict(list)
        for path in self.stack.servers["smtp"].mails():
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            found[str(mail["X-Watchbell-Ticket"])].append(mail)
        return found

    def webhooks(self):
        """By ticket id: (notice, what was received)."""
        found = collections.defaultdict(list)
        for received in self.sinks.inbox.messages():
            notice = json.loads(received.text)
            found[notice["ticket"].removeprefix("tickets/")].append((notice, received))
        return found

    def tail(self, names=SERVICES):
        return "\n".join(line for name in names for line in
                         self.stack.servers[name].log.read_text(errors="replace").splitlines()[-8:])


_world = None


def world():
    global _world
    _world = _world or World()
    return _world


def alert(name):
    return base64.b64decode(alert_payload(name))


def cloud_event(name, **more):
    return {"specversion": "1.0", "id": str(uuid.uuid4()), "source": f"//monitoring.example.test/{name}",
            "type": "test.monitoring.alert.v1", "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            **more}


def binary_headers(name):
    event = cloud_event(name)
    return [*((f"ce_{attribute}", value) for attribute, value in event.items()), ("content-type", "application/json")]


def structured(name, **more):
    event = cloud_event(name, datacontenttype="application/json", data=json.loads(alert(name)), **more)
    return json.dumps(event).encode()


STRUCTURED = [("content-type", "application/cloudevents+json; charset=UTF-8")]


def expect_paged(name, trace_id=None):
    """One ticket of this title, its clock breached, and each of its three pages once as mail and once as webhook."""
    def ticket_of():
        return world().tickets().get(name)
    found = harness.poll(ticket_of, LIMIT, every=0.2)
    expect(found, f"{name} opened no ticket\n" + world().tail(["tickets"]))
    expect_equal(len(found), 1, f"tickets of {name}")
    ticket = found[0].ticket_id

    def told():
        return len(world().mails()[ticket]) >= len(PEOPLE) and len(world().webhooks()[ticket]) >= len(PEOPLE)
    expect(harness.poll(told, LIMIT, every=0.2), f"{name} ({ticket}) led to {len(world().mails()[ticket])} mails and "
           f"{len(world().webhooks()[ticket])} webhooks\n" + world().tail())
    clocks = world().desk.call("SlaService/ListClocks", {"ticket": found[0].name}).clocks
    expect_equal([clock.breached for clock in clocks], [True], f"breached clocks of {name}")

    def sent():
        all_of_it = world().desk.call("NotificationService/ListDeliveries", {"ticket": found[0].name}).deliveries
        return all_of_it if len(all_of_it) == 2 * len(PEOPLE) and all(d.state == 3 for d in all_of_it) else None
    deliveries = harness.poll(sent, LIMIT, every=0.2)
    expect(deliveries, f"deliveries of {name} are not sent")
    mails, webhooks = world().mails()[ticket], world().webhooks()[ticket]
    expect_equal(sorted(str(mail["X-Watchbell-Delivery"]) for mail in mails),
                 sorted(d.delivery_id for d in deliveries if d.medium == 1), f"mails of {name} by delivery")
    expect_equal(sorted(str(mail["To"]) for mail in mails), [f"{p}@example.test" for p in PEOPLE], f"mails of {name}")
    expect_equal(sorted(received.delivery_id for _, received in webhooks),
                 sorted(d.delivery_id for d in deliveries if d.medium == 2), f"webhooks of {name} by delivery")
    expect_equal([received.wrong for _, received in webhooks if received.wrong], [], f"faults of webhooks of {name}")
    for mail in mails:
        expect(name in str(mail["Subject"]) + mail.get_content(), f"a mail of {name} does not name it")
    if trace_id:
        expect_equal({str(mail["traceparent"])[3:35] for mail in mails}, {trace_id}, f"trace of the mails of {name}")
        expect_equal({received.traceparent[3:35] for _, received in webhooks}, {trace_id},
                     f"trace of the webhooks of {name}")
    return ticket


@case
def alerts_on_the_raw_topic_become_mails_and_signed_webhooks():
    produce, trace_id = world().produce, uuid.uuid4().hex
    produce(RAW, alert("KcatKeyAndHeaders"), key="any key", headers=[("content-type", "application/json"),
                                                                      ("x-other", "of no concern")])
    produce(RAW, alert("KcatNoKey"), headers=[("content-type", "application/json")])
    bare = alert("KcatBare")
    produce(RAW, bare)
    produce(RAW, structured("KcatStructured", traceparent=f"00-{trace_id}-{uuid.uuid4().hex[:16]}-01"),
            headers=STRUCTURED)
    produce(RAW, alert("KcatBinary"), key="k", headers=binary_headers("KcatBinary"))
    world().java.produce(RAW, [
        (None, structured("JavaStructured"), STRUCTURED),
        (b"k", alert("JavaBinary"), binary_headers("JavaBinary")),
        (b"", alert("JavaEmptyKey"), []),
        (b"\xff\x00", alert("JavaBytesForAKey"), [])])
    names = ["KcatKeyAndHeaders", "KcatNoKey", "KcatBare", "KcatStructured", "KcatBinary", "JavaStructured",
             "JavaBinary", "JavaEmptyKey", "JavaBytesForAKey"]
    for name in names:
        ticket = expect_paged(name, trace_id if name == "KcatStructured" else None)
        if name == "KcatStructured":
            world().traces[ticket] = trace_id
    world().breaches += len(names)
    # The same again, as Alertmanager does every few minutes, on another partition: the ticket is there already.
    before = sum(map(len, world().tickets().values()))
    produce(RAW, bare, key="another")
    produce(RAW, alert("Last"))
    expect_paged("Last")
    world().breaches += 1

    def seen():
        return all(lag == 0 for (group, topic, _), (_, _, lag) in world().java.groups().items()
                   if (group, topic) == ("tickets", RAW) and lag is not None)
    expect(harness.poll(seen, LIMIT, every=1), "tickets never came to the end of the raw topic")
    expect_equal(sum(map(len, world().tickets().values())) - before, 1, "new tickets after a repeat and one alert")
    letters = world().desk.of("TicketService").call("AdminService/ListDeadLetters").dead_letters
    expect_equal(len(letters), 0, f"dead letters of tickets: {letters}")


@case
def a_trace_is_found_in_every_log_and_on_what_is_sent():
    trace_id = uuid.uuid4().hex
    api = Client(world().stack.servers["tickets"].address, like=world().desk.of("TicketService"))
    api.metadata = [("traceparent", f"00-{trace_id}-{uuid.uuid4().hex[:16]}-01")]
    ticket = world().create("Traced", api)
    # Nobody asked for a record of this one (flag 00).
    quiet_id = uuid.uuid4().hex
    api.metadata = [("traceparent", f"00-{quiet_id}-{uuid.uuid4().hex[:16]}-00")]
    quiet = world().create("Quiet", api)
    api.call("TicketService/AcknowledgeTicket", {"name": quiet.name})
    world().traces[quiet.ticket_id] = quiet_id
    api.close()
    world().breaches += 1
    world().traces[ticket.ticket_id] = trace_id
    expect_equal(expect_paged("Traced", trace_id), ticket.ticket_id, "the ticket")
    for name in SERVICES:
        for wanted in set(world().traces.values()) - {quiet_id}:
            def logged():
                lines = [json.loads(line) for line in world().stack.servers[name].log.read_text().splitlines()
                         if wanted in line]
                return [line for line in lines if line.get("trace_id") == wanted]
            expect(harness.poll(logged, LIMIT), f"trace {wanted} is not in the log of {name}\n" + world().tail([name]))
        expect(quiet_id not in world().stack.servers[name].log.read_text(), f"{name} logs what nobody asked for")


def at_rest():
    """Whether nothing is on its way: by what every service says of itself."""
    for name in SERVICES:
        look = Metrics(world().stack.servers[name])
        if any(value for _, value in look.all("consumer_lag_records") + look.all("relay_backlog_rows")):
            return False
    return True


@case
def a_foreign_consumer_reads_the_lifecycle_topics():
    for number in range(MORE_TICKETS):
        ticket = world().create(f"Ticket {number}")
        world().desk.call("TicketService/ResolveTicket", {"name": ticket.name, "resolution_note": "done"})
    expect(harness.poll(at_rest, LIMIT, every=0.2), "the services never come to rest")
    world().records = world().java.consume(*TOPICS)
    seen = [record for topic in TOPICS for record in kcat.read(world().stack.brokers, topic)]

    def place(record):
        return record.topic, record.partition, record.offset
    java = {place(record): record for record in world().records}
    expect_equal(sorted(map(place, seen)), sorted(java), "what kcat reads and what the Java client reads")
    for record in seen:
        expect_equal(record, java[place(record)], "a record by kcat and by the Java client")
    tickets = {t.ticket_id for some in world().tickets().values() for t in some}
    expect_equal({r.key for r in world().records if r.topic == "watchbell.tickets.v1"}, tickets,
                 "tickets on the topic")
    expect_equal({r.topic for r in world().records}, set(TOPICS), "topics with records")


def headers_of(record):
    names = [name for name, _ in record.headers]
    expect_equal(sorted(names), sorted(set(names)), f"headers of {record}")
    return dict(record.headers)


@case
def headers_are_as_the_contract_says():
    ids = {}
    for record in world().records:
        headers = headers_of(record)
        missing = set(HEADERS) - OPTIONAL - set(headers)
        expect(not missing and set(headers) <= set(HEADERS), f"headers of {record}")
        for name, value in headers.items():
            expect(re.fullmatch(HEADERS[name], value), f"{name} is {value!r} in {record}")
            expect(re.fullmatch("[a-z0-9]{1,20}", name.removeprefix("ce_").replace("content-type", "datacontenttype")),
                   f"{name} is no name of an attribute")
        expect(record.key and record.value is not None, f"no key or no value: {record}")
        expect_equal(headers["ce_partitionkey"], record.key, "ce_partitionkey")
        expect_equal(headers["ce_subject"], record.key, "ce_subject")
        expect_equal(headers["ce_source"], f"//watchbell/{TOPICS[record.topic]}", f"ce_source on {record.topic}")
        expect_equal(headers["ce_tenant"], "default", "ce_tenant")
        expect_equal(headers.get("traceparent", "")[:36], headers.get("ce_traceparent", "")[:36], "both traces")
        occurred, recorded = (datetime.datetime.fromisoformat(headers[n].replace("Z", "+00:00"))
                              for n in ("ce_time", "ce_recordedtime"))
        expect(occurred <= recorded, f"it was recorded before it happened: {headers}")
        # The record's own time is that of its production, in milliseconds.
        expect(-1 <= record.time - recorded.timestamp() < LIMIT, f"time of {record}")
        row = (record.topic, headers["ce_journalsequence"])
        expect_equal(ids.setdefault(headers["ce_id"], row), row, f"two events of one id {headers['ce_id']}")
        if trace_id := world().traces.get(record.key):
            expect_equal(headers.get("ce_traceparent", "")[3:35], trace_id, f"trace of {headers}")
    # Who follows a cause comes to an event that is there.
    causes = [headers_of(r).get("ce_causationid") for r in world().records
              if headers_of(r)["ce_type"] == "io.watchbell.sla.clock_attached.v1"]
    expect(causes and all(ids.get(cause, ("",))[0] == "watchbell.tickets.v1" for cause in causes),
           f"causes of clocks: {causes[:5]}")
    repeats = len(world().records) - len(ids)
    print(f"       {len(ids)} events, {repeats} of them twice")


@case
def order_holds_per_key_and_keys_lie_where_java_puts_them():
    last, sequences = collections.Counter(), collections.Counter()
    for record in sorted(world().records, key=lambda r: (r.topic, r.partition, r.offset)):
        headers = headers_of(record)
        stream, version = (record.topic, record.key), int(headers["ce_sequence"])
        expect(version <= last[stream] + 1, f"{stream} goes from version {last[stream]} to {version}")
        if version == last[stream] + 1:  # not a repeat
            place, sequence = (record.topic, record.partition), int(headers["ce_journalsequence"])
            expect(sequence > sequences[place], f"journal sequence on {place}: {sequence} after {sequences[place]}")
            sequences[place], last[stream] = sequence, version
    expect(max(last.values()) > 2, f"versions: {last}")
    keys = sorted({record.key for record in world().records})
    chosen = world().java.choose("chosen-by-java", PARTITIONS, keys)
    wrong = [record for record in world().records if record.partition != chosen[record.key]]
    expect_equal(wrong[:3], [], "records on another partition than Java's producer chooses")
    expect(len({record.partition for record in world().records}) > PARTITIONS // 2, "keys lie on few partitions only")


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return f"{value:016x}"


def holds(message, key):
    """Whether some field names the ticket or alert that the key names."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING and field.label != field.LABEL_REPEATED and value in (key, f"tickets/{key}"):
            return True
        if field.type == field.TYPE_MESSAGE and field.label != field.LABEL_REPEATED and holds(value, key):
            return True
    return False


@case
def payloads_decode_with_what_reflection_tells():
    declarations, types = {}, {}
    for record in world().records:
        headers = headers_of(record)
        named = re.fullmatch(HEADERS["ce_dataschema"], headers["ce_dataschema"])
        api = world().desk.clients[TOPICS[record.topic]]
        name = named["message"]
        if name not in declarations:
            declarations[name] = fnv(api.learn(name))
        expect_equal(named["revision"], declarations[name], f"revision of {name}")
        expect_equal(types.setdefault(headers["ce_type"], name), name, f"message of {headers['ce_type']}")
        message = api.type(name).FromString(record.value.encode("latin-1"))
        expect_equal(len(message.UnknownFields()), 0, f"fields of {name} that reflection does not tell")
        expect_equal(message.SerializeToString(deterministic=True), api.type(name).FromString(
            message.SerializeToString()).SerializeToString(deterministic=True), f"{name} written again")
        expect(holds(message, record.key), f"a {name} does not name {record.key}: {message}")
    for wanted in ("ticket.created", "ticket.assigned", "alert.fired", "sla.clock_breached",
                   "escalation.page_requested", "notification.sent"):
        expect(f"io.watchbell.{wanted}.v1" in types, f"no {wanted} among {sorted(types)}")


@case
def lag_tools_see_the_groups_and_their_end():
    groups = {}

    def arrived():
        groups.clear()
        for (group, topic, partition), (offset, end, lag) in world().java.groups().items():
            groups.setdefault((group, topic), {})[partition] = (offset, end, lag)
        return all((name, topic) in groups and all(end == 0 or offset == end for offset, end, _ in
                                                   groups[name, topic].values())
                   for name, topics in CONSUMED.items() for topic in topics)
    expect(harness.poll(arrived, LIMIT, every=1), f"committed offsets never reach the ends: {groups}")
    ends = collections.Counter()
    for record in world().records:
        ends[record.topic, record.partition] = max(ends[record.topic, record.partition], record.offset + 1)
    for (_, topic), partitions in groups.items():
        for partition, (offset, _, _) in partitions.items():
            expect(topic == RAW or (offset or 0) >= ends[topic, partition],
                   f"{topic} {partition}: {offset} is committed, {ends[topic, partition]} records were read")
    strangers = {group for group, _ in groups} - set(SERVICES)
    expect(not strangers, f"groups: {strangers}")


@case
def metrics_say_what_is_so():
    expect(harness.poll(at_rest, LIMIT, every=0.2), "the services never come to rest")
    for name in SERVICES:
        look = Metrics(world().stack.servers[name])
        expect_equal(look.one("service_healthy", service=name), 1, f"{name}: healthy")
        expect_equal(look.one("shards_held", service=name), PARTITIONS, f"{name}: shards held")
        expect_equal(look.one("replicas_live", service=name), 1, f"{name}: live replicas")
        expect_equal({labels["topic"]: value for labels, value in look.all("consumer_lag_records", service=name)},
                     {topic: 0 for topic in CONSUMED[name]}, f"{name}: lag by topic")
        for metric in ("consumer_catching_up_shards", "consumer_positions_lost_total"):
            expect_equal({labels["topic"]: value for labels, value in look.all(metric, service=name)},
                         {topic: 0 for topic in CONSUMED[name]}, f"{name}: {metric} by topic")
        expect_equal(look.one("relay_backlog_rows", service=name), 0, f"{name}: relay backlog")
        expect_equal(look.one("engine_queue_commands", service=name), 0, f"{name}: queue")
        expect_equal(look.one("dead_letters_total", service=name), 0, f"{name}: dead letters")
        batches, inputs = look.histogram("engine_batch_inputs", service=name)
        expect(batches > 0 and inputs >= batches, f"{name}: {inputs} inputs in {batches} batches")
        expect_equal(inputs, look.one("engine_inputs_total", service=name), f"{name}: inputs")
        fired, late = look.histogram("timer_late_seconds", service=name)
        expect(fired >= (world().breaches if name == "sla" else 0) and 0 <= late <= fired * LIMIT,
               f"{name}: {fired} timers fired, {late} s late together")
        behind, seconds = look.histogram("event_behind_seconds", service=name)
        expect(behind > 0 and 0 <= seconds <= behind * LIMIT, f"{name}: {behind} events, {seconds} s behind together")
    tickets = Metrics(world().stack.servers["tickets"])
    method = "watchbell.tickets.v1.TicketService/CreateTicket"
    calls, seconds = tickets.histogram("rpc_seconds", method=method, code="OK")
    expect_equal(calls, world().created, "CreateTicket calls counted")
    expect(0 < seconds < calls * LIMIT, f"{seconds} s in {calls} calls")
    sent = sum(value for _, value in Metrics(world().stack.servers["notifications"]).all("effects_total"))
    told = sum(map(len, world().mails().values())) + sum(map(len, world().webhooks().values()))
    expect_equal(sent, told, "deliveries begun and messages that arrived")


def health(name):
    """(readiness, liveness, gRPC health of the process and of its own services)."""
    server, api = world().stack.servers[name], world().desk.clients[name]
    own = [s for s in api.services if s.startswith(f"watchbell.{name}.")]
    expect(own, f"services of {name}: {api.services}")
    return server.get("/readyz")[0], server.get("/livez")[0], {api.health(s) for s in ["", *own]}


def kept_without_a_broker():
    """A ticket, or None: either is legal, taken or refused with a moment to come back."""
    try:
        kept = world().create("While the broker is away")
    except RpcError as error:
        expect_equal(error.code, "UNAVAILABLE", f"a command without a broker: {error}")
        expect("RetryInfo" in error.details, f"no RetryInfo: {error}")
        return None
    tickets = world().stack.servers["tickets"]
    expect(harness.poll(lambda: Metrics(tickets).one("relay_backlog_rows") > 0, LIMIT, every=0.2),
           "the relay's backlog does not show what waits")
    return kept


@case
def health_goes_with_the_broker_and_comes_back():
    kafka, state = world().stack.servers["kafka"], {}

    def all_are(wanted):
        state.update({name: health(name) for name in SERVICES})
        return all(seen == wanted for seen in state.values())
    expect(all_are((200, 200, {1})), f"health before: {state}")
    expect(kafka.stop(), "the broker ends when asked")
    try:
        expect(harness.poll(lambda: all_are((503, 200, {2})), LIMIT, every=0.2), f"health without a broker: {state}")
        for name in SERVICES:
            reasons = json.loads(world().stack.servers[name].get("/readyz")[1])["reasons"]
            expect(any("Kafka does not answer" in reason for reason in reasons), f"{name} does not say why: {reasons}")
            expect_equal(Metrics(world().stack.servers[name]).one("service_healthy", service=name), 0,
                         f"{name}: healthy")
        kept = kept_without_a_broker()
    finally:
        kafka.start()
    expect(harness.poll(lambda: all_are((200, 200, {1})), LIMIT, every=0.2), f"health with the broker: {state}")
    world().produce(RAW, alert("AfterTheBroker"))
    expect_paged("AfterTheBroker")
    if kept:
        expect_paged("While the broker is away")
    expect(harness.poll(at_rest, LIMIT, every=0.2), "the services never come to rest")


@case
def all_end_when_asked():
    ran, killed = world().stack.down()
    expect_equal((len(ran), killed), (8, []), "what ran, and what had to be killed")


if __name__ == "__main__":
    harness.main()
