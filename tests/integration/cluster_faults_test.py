#!/usr/bin/env python3
"""What goes wrong around five processes: the broker or PostgreSQL away, paused or full, a service late, bad records."""
import base64
import contextlib
import json
import re
import subprocess
import time
import uuid

import harness
from harness import case, expect, expect_equal
from bad_records import BAD_EVENTS, BAD_ALERTS, GOOD_ALERTS, MARK
from client import RpcError, incident
from desk_client import alert_payload, set_up_desk
from desk_load import Load
from five_processes import RAW_TOPIC, READS, TOPICS, FiveProcesses
import kcat
import reconcile
import servers

AWAY_SECONDS = 60    # how long the broker is away
FROZEN_SECONDS = 30  # how long either is paused
NOTICE_SECONDS = 30  # generous: until health has noticed, either way
STEP_SECONDS = 5     # delay of a step of the policy that escalation sleeps through
PAUSE = 0.4          # seconds between two turns of a writer
DISK_MEGABYTES = 400

world = FiveProcesses(disk_megabytes=DISK_MEGABYTES)
loads = []
listed, deliveries = {}, {}


def new_load():
    """What commands and alerts are sent while something is away; all loads are reconciled in the end."""
    if not loads:
        world.start()
    loads.append(Load(world, pause=PAUSE, name=f"{len(loads)}-"))
    return loads[-1]


def wait_down(names):
    """Waits until these say by /readyz and by gRPC health that they cannot work."""
    def down():
        return all(world.server(name).get("/readyz")[0] == 503 and world.health(name) == 2 for name in names)
    expect(harness.poll(down, NOTICE_SECONDS, every=0.2), f"health does not tell: {world.what_is_wrong()}")
    for name in names:
        expect_equal(world.server(name).get("/livez")[0], 200, f"liveness of {name}")
        expect(json.loads(world.server(name).get("/readyz")[1])["reasons"], f"{name} does not say why")


def wait_until(moment):
    """The fault lasts until then; all the while the load goes on."""
    harness.poll(lambda: time.monotonic() >= moment, AWAY_SECONDS, every=0.2)


def expect_polite(load, away):
    """What was not answered OK was refused with a time to come back, or ran into the caller's deadline."""
    rude = [text for code, seconds, text in load.refused
            if code != "DEADLINE_EXCEEDED" and (code != "UNAVAILABLE" or seconds is None)]
    expect(not rude, f"{len(rude)} answers while {away}: {rude[:3]}")


def go_through(away, begin, end, names, seconds):
    """A fault under load, and everything afterwards by itself."""
    load = new_load()
    load.go_on(8)
    began = time.monotonic()
    begin()
    try:
        wait_down(names)
        wait_until(began + seconds)
    finally:
        end()
    world.wait_serving()
    load.go_on(8)
    load.finish()
    expect_polite(load, away)
    world.wait_rest()
    print(f"       {len(load.created)} tickets; calls: {dict(load.calls)}")


@case
def the_broker_is_away_for_a_minute():
    kafka = world.server("kafka")

    def stop():
        expect(kafka.stop(), "the broker did not end when asked")

    def begin():
        kafka.begin()
        kafka.wait_ready()
    go_through("the broker was away", stop, begin, READS, AWAY_SECONDS)


@case
def postgresql_is_restarted():
    load = new_load()
    load.go_on(8)
    world.server("postgres").restart()
    world.wait_serving()
    load.go_on(8)
    load.finish()
    expect_polite(load, "PostgreSQL was restarted")
    world.wait_rest()


@case
def postgresql_is_paused():
    postgres = world.server("postgres")
    go_through("PostgreSQL was paused", postgres.freeze, postgres.thaw, READS, FROZEN_SECONDS)


@case
def the_broker_is_paused():
    kafka = world.server("kafka")
    go_through("the broker was paused", kafka.freeze, kafka.thaw, READS, FROZEN_SECONDS)


def pages_of(tickets):
    """name -> the persons of whom a page was requested."""
    desk = world.desk()
    return {ticket.name: {delivery.person for delivery in
                          desk.insist("NotificationService/ListDeliveries", {"ticket": ticket.name}).deliveries}
            for ticket in tickets}


@case
def who_acknowledged_in_time_is_not_paged_by_an_escalation_that_slept():
    desk = world.desk()
    set_up_desk(desk, webhook_url=world.sinks.webhook_url, delay=f"{STEP_SECONDS}s")
    made = [desk.call("TicketService/CreateTicket", incident(f"Slept{n}.")) for n in range(8)]
    paged, other = made[:-1], made[-1]  # nobody acknowledges the last one
    for ticket in made:
        world.wait_mail(ticket.title)
    world.server("escalation").kill9()
    before = pages_of(made)
    expect(all(before.values()), f"mail before a page: {before}")
    for ticket in paged:
        desk.call("TicketService/AcknowledgeTicket", {"name": ticket.name, "request_id": str(uuid.uuid4())})
    wait_until(time.monotonic() + 3 * STEP_SECONDS)  # all steps and the catch-all would have been due
    world.server("escalation").start()
    world.wait_serving()
    world.wait_rest()
    after = pages_of(made)
    for ticket in paged:
        expect_equal(after[ticket.name], before[ticket.name], f"who was paged about {ticket.name}, acknowledged since")
        run, = desk.call("EscalationService/ListRuns", {"ticket": ticket.name}).runs
        expect_equal(run.end, 1, f"end of the run of {ticket.name} (1 = acknowledged)")
        told = {mail.text.split("@")[0] for mail in world.mails() if ticket.title in mail.text}
        expect_equal(told, before[ticket.name], f"who got mail about {ticket.name}")
    expect_equal(after[other.name], set(reconcile.ON_CALL), f"who was paged about {other.name}, not acknowledged")
    set_up_desk(desk, webhook_url=world.sinks.webhook_url)
    for ticket in made:
        loads[-1].created[ticket.name] = ticket.title
    loads[-1].acknowledged.update(ticket.name for ticket in paged)


@case
def the_disk_of_postgresql_is_full():
    if world.disk is None:
        raise harness.Skip("nothing can be mounted here")
    load = new_load()
    load.go_on(4)
    load.rest()
    desk, postgres, filler = world.desk(), world.server("postgres"), world.disk / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    refused = None
    for number in range(3000):  # what is allocated already may still be written over
        request = incident(f"Full{number}.", description=uuid.uuid4().hex * 400)
        try:
            made = desk.call("TicketService/CreateTicket", request)
            load.created[made.name] = made.title
        except RpcError as error:
            expect_equal((error.code, "RetryInfo" in error.details), ("UNAVAILABLE", True), f"no room: {error}")
            refused = request
            break
    expect(refused, "3000 large tickets found room on a full disk")
    filler.unlink()
    starts = []

    def is_back():  # it ends itself when its log finds no room; somebody starts it again
        if not postgres.alive():
            starts.append(postgres.begin())
        return postgres.serves()
    expect(harness.poll(is_back, AWAY_SECONDS, every=0.5), "PostgreSQL does not come back")
    world.wait_serving()
    made = desk.insist("TicketService/CreateTicket", refused)  # sent again under its id it is stored once
    load.created[made.name] = made.title
    load.go_on(4)
    load.finish()
    expect_polite(load, "the disk was full")
    world.wait_rest()
    print(f"       {number} large tickets found room; PostgreSQL was started again {len(starts)} times")


class _All:
    """Several loads as one."""

    def __init__(self):
        self.created, self.commented, self.alerts = {}, {}, {}
        self.acknowledged, self.raw = set(), []
        for load in loads:
            self.created.update(load.created)
            self.commented.update(load.commented)
            self.alerts.update(load.alerts)
            self.acknowledged |= load.acknowledged
            self.raw += load.raw


@case
def nothing_acknowledged_is_lost():
    load = _All()
    listed.update(reconcile.commands(world, load))
    expect(len(listed) > 100, f"only {len(listed)} tickets")
    reconcile.alerts(load, listed)
    reconcile.breaches(world, listed)
    world.expect_no_dead_letters()


@case
def every_topic_is_complete_and_in_order():
    events, repeats = reconcile.topics(world)
    expect(events > 1000, f"only {events} events")
    print(f"       {events} events, {repeats} of them on their topic again")


@case
def everybody_was_paged_and_the_sinks_agree():
    deliveries.update(reconcile.pages(world, listed))
    expect(len(deliveries) > 300, f"only {len(deliveries)} deliveries")
    twice = reconcile.sinks(world, deliveries, kills=len(loads))
    reconcile.figures(world, listed, deliveries)
    print(f"       {len(deliveries)} deliveries, {twice} of them came twice, all marked")


def expect_letter(record, reason, dead, where):
    """`record` is what was sent: (value, key, headers, partition)."""
    value, key, headers, partition = record
    expect_equal(dead.header("dlq_reason"), reason, f"reason in {where}")
    expect_equal((dead.value or "").encode("latin-1"), value, f"value in {where}")
    expect_equal(dead.key, key, f"key in {where}")
    expect_equal(dead.headers[:len(headers)], list(headers), f"headers in {where}")
    topic, service = re.fullmatch(r"(.*)\.([a-z]+)\.dlq", dead.topic).groups()
    expect_equal((dead.header("__dlq.errors.topic"), dead.header("__dlq.errors.group")), (topic, service),
                 f"origin in {where}")
    if partition is not None:
        expect_equal(dead.header("__dlq.errors.partition"), str(partition), f"partition in {where}")
    for name in ("__dlq.errors.message", "__dlq.errors.offset", "dlq_first_at", "dlq_build"):
        expect(dead.header(name), f"{where} has no {name}")


def expect_letters(topic, service, sent):
    """Each of `sent` (mark -> (record, reason)) lies in the dead-letter topic of a reader, once."""
    name = f"{topic}.{service}.dlq"
    found = {}

    def all_there():
        found.clear()
        for record in kcat.read(world.brokers, name):
            found.setdefault(record.header(MARK), []).append(record)
        return set(sent) <= set(found)
    harness.poll(all_there, NOTICE_SECONDS, every=0.5)
    expect_equal(sorted(map(str, set(sent) ^ set(found))), [], f"what {name} lacks or should not have")
    for mark, (record, reason) in sent.items():
        expect_equal(len(found[mark]), 1, f"copies of {mark} in {name}")
        expect_letter(record, reason, found[mark][0], f"{name}, {mark}")
    letters = [letter for letter in world.dead_letters(service)
               if (letter.topic, letter.service) == (topic, service)]
    expect_equal(sorted(letter.reason for letter in letters), sorted(reason for _, reason in sent.values()),
                 f"dead letters that {service} lists of {topic}")
    expect(not any(letter.parked for letter in letters), f"a key of {topic} is held back in {service}")
    shown = world.stack.run("dead-letters", "list", f"--service={service}",
                            f"--target={world.server(service).address}")
    for letter in letters:
        expect(letter.dead_letter_id in shown, f"`dead-letters list` of {service} lacks {letter.dead_letter_id}")


@case
def bad_events_go_to_the_dead_letters_and_harm_nobody():
    desk = world.desk()
    ticket = desk.call("TicketService/CreateTicket", incident("Harmed?"))
    world.wait_mail(ticket.title)
    world.wait_rest()
    for topic, (producer, _) in TOPICS.items():
        readers = [service for service, producers in READS.items() if producer in producers]
        if topic == "watchbell.alerts.v1" or not readers:
            continue
        model = next(record for record in reversed(kcat.read(world.brokers, topic)) if record.key == ticket.ticket_id)
        sent = {}
        for name, reason, change in BAD_EVENTS:
            value, key, headers = change(model)
            record = (value, key, [*headers, (MARK, name)], model.partition)
            kcat.publish(world.brokers, topic, value, key, record[2], model.partition)
            sent[name] = (record, reason)
        for service in readers:
            expect_letters(topic, service, sent)
    # The key and its partition go on: what comes now is applied by everybody.
    desk.call("TicketService/AcknowledgeTicket", {"name": ticket.name, "request_id": str(uuid.uuid4())})
    made = desk.call("TicketService/CreateTicket", incident("After bad events."))
    world.wait_mail(made.title)
    world.wait_rest()
    clock, = desk.call("SlaService/ListClocks", {"ticket": ticket.name}).clocks
    expect_equal((clock.state, clock.breached), (3, True), "the clock of the ticket whose key was used")
    for service in READS:
        lag = world.server(service).get("/metrics")[1]
        waits = re.findall(r"^watchbell_consumer_lag_records\{.*\} ([1-9]\S*)$", lag, re.M)
        expect_equal(waits, [], f"records that {service} still has before it")


@case
def the_raw_topic_takes_any_alert_and_puts_garbage_aside():
    names, sent = [], {}
    for number, (key, headers) in enumerate(GOOD_ALERTS):
        names.append(f"Any{number}.")
        kcat.publish(world.brokers, RAW_TOPIC, base64.b64decode(alert_payload(names[-1])), key, headers)
    for name, reason, value, key, headers in BAD_ALERTS:
        record = (value, key, [*headers, (MARK, name)], None)
        kcat.publish(world.brokers, RAW_TOPIC, value, key, record[2])
        sent[name] = (record, reason)
    expect_letters(RAW_TOPIC, "tickets", sent)
    for name in names:
        world.wait_mail(name)
    titles = [ticket.title for ticket in world.tickets().values()]
    expect_equal({name: titles.count(name) for name in names}, {name: 1 for name in names}, "tickets of alerts")


def delete_records():
    """What retention does: every record of every topic is gone."""
    partitions = [{"topic": topic, "partition": partition, "offset": -1}
                  for topic in (*TOPICS, RAW_TOPIC) for partition in range(16)]
    with open(harness.temporary_folder() / "all.json", "w") as file:
        json.dump({"version": 1, "partitions": partitions}, file)
    done = subprocess.run(servers.Kafka.java("org.apache.kafka.tools.DeleteRecordsCommand", "--bootstrap-server",
                                             world.brokers, "--offset-json-file", file.name),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    expect(done.returncode == 0, f"records cannot be deleted: {done.stdout}{done.stderr}")
    for topic in TOPICS:
        expect_equal(len(kcat.read(world.brokers, topic)), 0, f"records left on {topic}")


@case
def a_service_that_was_down_past_the_retention_misses_nothing():
    world.wait_rest()
    desk, escalation = world.desk(), world.server("escalation")
    expect(escalation.stop(), "escalation did not end when asked")
    made = [desk.call("TicketService/CreateTicket", incident(f"Expired{n}.")) for n in range(6)]
    tickets = {ticket.ticket_id for ticket in made}
    expect(harness.poll(lambda: len(world.events("sla", "sla.clock_breached", tickets)) == len(made), NOTICE_SECONDS),
           "the tickets never breached")
    delete_records()
    escalation.start()
    world.wait_serving()
    for ticket in made:
        world.wait_mail(ticket.title)
    world.wait_rest()


@case
def a_service_added_late_has_everything():
    desk, analytics = world.desk(), world.server("analytics")

    def figures():
        return desk.insist("AnalyticsService/GetDeskSummary", {})
    before = figures()
    expect(before.total.opened > 100 and before.pages_requested > 100, f"hardly any figures: {before.total.opened}")
    expect(analytics.stop(), "analytics did not end when asked")
    world.sql("DROP SCHEMA analytics CASCADE")
    delete_records()
    world.stack.run("migrate", f"--database-url={world.stack.database_url}")
    analytics.start()
    world.wait_serving()
    world.wait_rest()
    expect_equal(figures(), before, "figures of analytics that came when all topics were empty")
    made = desk.call("TicketService/CreateTicket", incident("After the late start."))
    world.wait_mail(made.title)
    world.wait_rest()
    expect_equal(figures().total.opened, before.total.opened + 1, "tickets, with one more")


if __name__ == "__main__":
    harness.main()
