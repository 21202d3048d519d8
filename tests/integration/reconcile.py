"""The reckoning after faults: promises, journals, topics and sinks compared one by one."""
import collections
import hashlib

import harness
from harness import expect, expect_equal
from five_processes import TOPICS
import kcat

TOPIC_SECONDS = 120
SENT, CANCELLED = 3, 5
ON_CALL = ("ada", "grace", "margaret")


def _some(found, what):
    expect(not found, f"{len(found)} {what}: {sorted(found)[:5]}")


def commands(world, load):
    """Every acknowledged command is there, once."""
    listed, desk = world.tickets(), world.desk()
    _some(set(load.created) - set(listed), "acknowledged tickets are lost")
    titles = collections.Counter(t.title for t in listed.values() if not t.alert_fingerprint)
    _some([title for title, count in titles.items() if count > 1], "tickets were created twice under one request id")
    _some(set(titles) - set(load.created.values()), "tickets that nobody was promised")
    for name, title in load.created.items():
        ticket = listed[name]
        expect_equal(ticket.title, title, f"title of {name}")
        if name in load.acknowledged:
            expect(ticket.HasField("acknowledged_at"), f"the acknowledgement of {name} is lost")
        history = desk.call("TicketService/ListTicketHistory", {"name": name, "page_size": 500}).entries
        expect_equal([e.version for e in history], list(range(1, ticket.version + 1)), f"versions of {name}")
        notes = [e.detail["text"] for e in history if e.type == "io.watchbell.ticket.commented.v1"]
        wanted = [load.commented[name]] if name in load.commented else []
        expect_equal(notes, wanted, f"comments on {name}")
    return listed


def alerts(load, listed):
    """Every alert has its ticket, and one only."""
    by_title = collections.defaultdict(list)
    for ticket in listed.values():
        if ticket.alert_fingerprint:
            by_title[ticket.title].append(ticket.ticket_id)
    for name, ticket in load.alerts.items():
        expect_equal(by_title.get(name), [ticket], f"tickets of {name}")
    for name in load.raw:
        expect_equal(len(by_title.get(name, [])), 1, f"number of tickets of {name}, which lay on the raw topic")
    _some(set(by_title) - set(load.alerts) - set(load.raw), "alerts' tickets that nobody sent")


def _stories(world, tickets):
    """What happened to these, for a message: service, event, when it was due or done, recorded, on its topic."""
    told = []
    for ticket in tickets:
        on_topic = {record.header("ce_id"): record.time for topic in TOPICS for record in
                    kcat.read(world.brokers, topic) if record.key == ticket}
        rows = world.sql(" UNION ALL ".join(
            f"SELECT '{service}', type, occurred_at / 1e6, recorded_at / 1e6, event_id FROM {service}.journal "
            f"WHERE stream_id = '{ticket}'" for service in ("tickets", "sla")) + " ORDER BY 4")
        told.append(f"{ticket}: " + "; ".join(f"{kind} {occurred} {recorded} {on_topic.get(event)}"
                                              for _, kind, occurred, recorded, event in rows))
    return told


def breaches(world, listed, producer_away=()):
    """Every clock that ran out has one standing breach, and no other has any; the tickets that have one.

    producer_away: (from, until) in which the service that hears acknowledgements did not answer. Only a timer due then
    may have gone without one that was acknowledged: it lay unpublished in the journal of the killed process.
    """
    events = world.events("sla", "sla.clock_breached")
    breached = collections.Counter(ticket for ticket, *_ in events)
    _some([ticket for ticket, count in breached.items() if count != 1], "tickets breached more than once")
    recorded = {ticket: at for ticket, _, at, _ in events}
    withdrawn = [ticket for ticket, *_ in world.events("sla", "sla.breach_withdrawn")]
    _some(_stories(world, [ticket for ticket in withdrawn
                           if not any(since <= recorded[ticket] <= until for since, until in producer_away)]),
          "breaches that were withdrawn")
    for story in _stories(world, withdrawn):
        print(f"    fired while the producer of its acknowledgement was away, and withdrawn: {story}")
    for ticket in withdrawn:
        del breached[ticket]
    attached = collections.Counter(ticket for ticket, *_ in world.events("sla", "sla.clock_attached"))
    expect_equal(attached, collections.Counter(t.ticket_id for t in listed.values()), "clocks by ticket")
    desk, wrong = world.desk(), []
    for name, ticket in listed.items():
        clock, = desk.call("SlaService/ListClocks", {"ticket": name}).clocks
        due = clock.due_at.ToMicroseconds()
        late = not ticket.HasField("acknowledged_at") or ticket.acknowledged_at.ToMicroseconds() >= due
        if late != (ticket.ticket_id in breached) or late != clock.breached:
            wrong.append(f"{name}: due {clock.due_at.ToJsonString()}, acknowledged "
                         f"{ticket.acknowledged_at.ToJsonString()}, breached {clock.breached}, "
                         f"{breached[ticket.ticket_id]} events")
    _some(wrong, "clocks say otherwise than their tickets")
    return set(breached)


def _journal(world, topic):
    """shard -> rows in order, as their records must be."""
    producer, aggregate = TOPICS[topic]
    rows = collections.defaultdict(list)
    for shard, sequence, event, key, tenant, version, kind, digest in world.sql(
            f"SELECT shard, sequence, event_id, encode(convert_to(stream_id, 'UTF8'), 'hex'), tenant, version, type, "
            f"md5(payload) FROM {producer}.journal WHERE aggregate = '{aggregate}' ORDER BY sequence"):
        rows[int(shard)].append((event, sequence, key, tenant, f"{int(version):020d}", kind, digest))
    return dict(rows)


def _row_of(record):
    value = (record.value or "").encode("latin-1")
    return (record.header("ce_id"), record.header("ce_journalsequence"), (record.key or "").encode("latin-1").hex(),
            record.header("ce_tenant"), record.header("ce_sequence"), record.header("ce_type"),
            hashlib.md5(value).hexdigest())


def _first_occurrences(topic, records):
    """(shard -> rows, number of repeats); a repeat says exactly what its first occurrence said."""
    found, seen, repeats = collections.defaultdict(list), {}, 0
    for record in records:
        row = _row_of(record)
        if row[0] not in seen:
            seen[row[0]] = (record.partition, row)
            found[record.partition].append(row)
            continue
        expect_equal((record.partition, row), seen[row[0]], f"a repeat on {topic}")
        repeats += 1
    return dict(found), repeats


def _in_order(topic, shards):
    """Per key: versions 1, 2, 3, ..."""
    for rows in shards.values():
        versions = collections.defaultdict(list)
        for _, _, key, tenant, version, *_ in rows:
            versions[tenant, key].append(int(version))
        wrong = [f"{key}: {found}" for key, found in versions.items() if found != list(range(1, len(found) + 1))]
        _some(wrong, f"keys of {topic} are not in order")


def topics(world):
    """Every topic holds its producer's journal, row by row and in order on first occurrences; events and repeats."""
    total, repeated = 0, 0
    for topic in TOPICS:
        wanted = _journal(world, topic)
        count = sum(map(len, wanted.values()))
        found = {}

        def complete():
            found["rows"], found["repeats"] = _first_occurrences(topic, kcat.read(world.brokers, topic))
            return sum(map(len, found["rows"].values())) >= count
        if not harness.poll(complete, TOPIC_SECONDS, every=0.5):
            there = {row[0] for rows in found["rows"].values() for row in rows}
            lost = [(shard, *row) for shard, rows in wanted.items() for row in rows if row[0] not in there]
            relayed = world.sql(f"SELECT shard, sequence FROM {TOPICS[topic][0]}.relay_positions ORDER BY 1")
            raise harness.Failure(f"{topic} lacks {len(lost)} of {count} events: {lost[:4]}; relayed: {relayed}")
        for shard in sorted(set(wanted) | set(found["rows"])):
            is_there, should_be = found["rows"].get(shard, []), wanted.get(shard, [])
            first = next((n for n, (a, b) in enumerate(zip(is_there, should_be)) if a != b), None)
            if is_there != should_be:
                at = min(len(is_there), len(should_be)) if first is None else first
                raise harness.Failure(f"{topic}, partition {shard}, differs from the journal at {at}: "
                                      f"{is_there[at:at + 2]} instead of {should_be[at:at + 2]}")
        _in_order(topic, found["rows"])
        total, repeated = total + count, repeated + found["repeats"]
    return total, repeated


def pages(world, listed):
    """Who should have been told was told, on every medium, by a delivery of their own; delivery id -> delivery."""
    deliveries, wrong = {}, []
    for name, ticket in listed.items():
        of_ticket = world.deliveries(name)
        for delivery in of_ticket:
            expect(delivery.delivery_id not in deliveries, f"{delivery.delivery_id} is listed twice")
            deliveries[delivery.delivery_id] = delivery
        if not ticket.HasField("acknowledged_at"):
            sent = collections.Counter((d.person, d.medium) for d in of_ticket if d.state == SENT)
            if sent != {(person, medium): 1 for person in ON_CALL for medium in (1, 2)}:
                wrong.append(f"{name}: {dict(sent)}")
    _some(wrong, "tickets were not paged as they should")
    return deliveries


def sinks(world, deliveries, kills):
    """Both sinks got what is called sent, and nothing twice unsaid; how many came more than once."""
    messages = world.messages()
    _some([m.wrong for m in messages if m.wrong], "messages are wrong")
    sent = {i for i, d in deliveries.items() if d.state == SENT}
    copies = collections.Counter(m.delivery_id for m in messages)
    _some(sent - set(copies), "deliveries called sent never arrived")
    # One that was in flight at a kill and then cancelled by an acknowledgement did arrive, too.
    strangers = [i for i in set(copies) - sent if i not in deliveries or deliveries[i].state != CANCELLED]
    _some(strangers, "messages of deliveries that are not called sent")
    twice = [i for i, count in copies.items() if count > 1]
    _some([i for i in twice if not deliveries[i].possible_repeat], "deliveries came twice and are not marked")
    _some([i for i, count in copies.items() if count > 1 + kills], "deliveries came again without a kill")
    for delivery_id in twice:
        unsaid = [m for m in messages if m.delivery_id == delivery_id and not m.possible_repeat]
        expect(len(unsaid) <= 1, f"{delivery_id}: {len(unsaid)} copies do not say that they may be a repeat")
    return len(twice)


def figures(world, listed, deliveries):
    """Analytics counts what there is."""
    desk = world.desk()
    sent = [d for d in deliveries.values() if d.state == SENT]
    wanted = (len(listed), len(sent), sum(1 for d in sent if d.possible_repeat))

    def counted():
        summary = desk.call("AnalyticsService/GetDeskSummary")
        return summary.total.opened, summary.deliveries.sent, summary.deliveries.possible_repeats
    harness.poll(lambda: counted() == wanted, TOPIC_SECONDS)
    expect_equal(counted(), wanted, "tickets opened, deliveries sent, possible repeats")
