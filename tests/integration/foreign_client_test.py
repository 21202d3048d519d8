#!/usr/bin/python3
"""A client without a line of our generated code: reflection, health, the life of a ticket, and every bad request."""
import re
import uuid

import harness
from harness import case, expect, expect_equal
from client import Client, RpcError, incident

import grpc

SERVICES = ["watchbell.admin.v1.AdminService", "watchbell.analytics.v1.AnalyticsService",
            "watchbell.escalation.v1.EscalationService", "watchbell.notifications.v1.NotificationService",
            "watchbell.sla.v1.SlaService", "watchbell.tickets.v1.ImportService",
            "watchbell.tickets.v1.TicketService"]
UNKNOWN_ENUM = 99
# Longer than any text may be, and than any bytes.
LONG_TEXT = "x" * ((1 << 20) + 1)  # more than any field takes
LONG_BYTES = b"x" * ((1 << 20) + 1)
BAD_UTF8 = b"caf\xe9 \xff"
NEVER = {"UNKNOWN", "INTERNAL", "UNIMPLEMENTED", "DATA_LOSS", "DEADLINE_EXCEEDED"}

server = None
client = None


def listed_reasons():
    """Reasons the API's readme lists, as `UPPER_SNAKE`."""
    return set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)`", (harness.ROOT / "protos/README.md").read_text()))


_reasons_seen = set()


def refused(by, name, fields, code, reason):
    error = by.refused(name, fields, code, reason)
    _reasons_seen.add(error.reason)
    expect_equal(error.details["ErrorInfo"].get("domain"), "watchbell.io", "ErrorInfo.domain")
    return error


@case
def starts_and_lists_its_services():
    global server, client
    server = harness.Server(harness.temporary_folder() / "data").start()
    client = Client(server.target)
    for service in SERVICES:
        expect(service in client.services, f"{service} is not among {client.services}")
    for extra in ("grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"):
        expect(extra in client.services, f"{extra} is not listed")


@case
def every_service_is_serving():
    for service in ["", *SERVICES]:
        expect_equal(client.health(service), 1, f"health of {service!r}")


@case
def a_ticket_is_created_watched_and_resolved():
    watch = client.watch("TicketService/WatchTickets")
    bookmark = next(watch)
    expect(bookmark.resume_token and not bookmark.HasField("ticket"), "a watch begins with a bookmark")
    ticket = client.call("TicketService/CreateTicket", incident("VPN is down", impact="IMPACT_HIGH",
                                                                urgency="URGENCY_HIGH"))
    expect_equal((ticket.title, ticket.priority, ticket.version), ("VPN is down", 1, 1), "the new ticket")
    resolved = client.call("TicketService/ResolveTicket", {"name": ticket.name, "resolution_note": "Turned it on"})
    expect_equal(resolved.state, 4, "state after ResolveTicket")
    seen = []
    for change in watch:
        if change.ticket.name == ticket.name:
            seen.append((change.event_type, change.ticket.version))
            if change.ticket.state == 4:
                token = change.resume_token
                break
    watch.cancel()
    expect_equal([version for _, version in seen], list(range(1, len(seen) + 1)), "versions watched")
    expect_equal((seen[0][0], seen[-1][0]), ("io.watchbell.ticket.created.v1", "io.watchbell.ticket.resolved.v1"),
                 "events watched")
    client.call("TicketService/CloseTicket", {"name": ticket.name})
    resumed = client.watch("TicketService/WatchTickets", {"resume_token": token, "name": ticket.name})
    change = next(c for c in resumed if c.HasField("ticket"))
    resumed.cancel()
    expect_equal(change.event_type, "io.watchbell.ticket.closed.v1", "what a resumed watch sees first")
    history = client.call("TicketService/ListTicketHistory", {"name": ticket.name})
    expect_equal([e.version for e in history.entries], list(range(1, len(history.entries) + 1)), "history")


@case
def missing_and_bad_fields_are_named():
    bad = incident()
    del bad["title"]
    error = refused(client, "TicketService/CreateTicket", bad, "INVALID_ARGUMENT", "INVALID_FIELD")
    expect_equal(error.fields, ["title"], "fields of a missing title")
    error = refused(client, "TicketService/CreateTicket", incident(impact=UNKNOWN_ENUM), "INVALID_ARGUMENT",
                    "INVALID_FIELD")
    expect_equal(error.fields, ["impact"], "fields of an unknown enum value")
    error = refused(client, "TicketService/CreateTicket", incident("x" * 201), "INVALID_ARGUMENT", "INVALID_FIELD")
    expect_equal(error.fields, ["title"], "fields of an over-long title")
    expect_equal(client.call("TicketService/CreateTicket", incident("é" * 200)).title, "é" * 200,
                 "limits count characters")
    error = refused(client, "TicketService/CreateTicket",
                    incident(request_id="no uuid", urgency="URGENCY_UNSPECIFIED"), "INVALID_ARGUMENT", "INVALID_FIELD")
    expect_equal(sorted(error.fields), ["request_id", "urgency"], "all faults are named at once")


@case
def unknown_and_foreign_tickets_are_not_found():
    ticket = client.call("TicketService/CreateTicket", incident())
    other = Client(server.target, tenant="another", like=client)
    for name, more in (("GetTicket", {}), ("ResolveTicket", {}), ("ListTicketHistory", {}),
                       ("AddComment", {"text": "hello"}), ("AssignTicket", {"group": "x"})):
        missing = refused(client, f"TicketService/{name}", {"name": "tickets/inc-999999999", **more}, "NOT_FOUND",
                          "NOT_FOUND")
        foreign = refused(other, f"TicketService/{name}", {"name": ticket.name, **more}, "NOT_FOUND", "NOT_FOUND")
        # No hint: apart from the name the two answers are the same.
        expect_equal(foreign.message.replace(ticket.name, "X"),
                     missing.message.replace("tickets/inc-999999999", "X"), "what a wrong tenant is told")
        expect_equal(set(foreign.details), set(missing.details), "details a wrong tenant is told")
    expect_equal(len(other.call("TicketService/ListTickets").tickets), 0, "tickets another tenant lists")
    other.close()


@case
def stale_etags_and_forbidden_moves():
    ticket = client.call("TicketService/CreateTicket", incident())
    client.call("TicketService/StartWork", {"name": ticket.name, "etag": ticket.etag})
    refused(client, "TicketService/ResolveTicket", {"name": ticket.name, "etag": ticket.etag}, "ABORTED",
            "ETAG_MISMATCH")
    error = refused(client, "TicketService/ResumeTicket", {"name": ticket.name}, "FAILED_PRECONDITION",
                    "MOVE_FORBIDDEN")
    violation = error.details["PreconditionFailure"]["violations"][0]
    expect_equal(violation["subject"], ticket.name, "subject of the refused move")


@case
def a_role_that_is_missing_is_named():
    reader = Client(server.target, roles="agent", like=client)
    refused(reader, "AdminService/ListDeadLetters", {}, "PERMISSION_DENIED", "ROLE_MISSING")
    bad = Client(server.target, tenant="Not A Tenant", like=client)
    refused(bad, "TicketService/ListTickets", {}, "UNAUTHENTICATED", "IDENTITY_MALFORMED")


@case
def request_ids_make_mutations_idempotent():
    request = incident("Once")
    first = client.call("TicketService/CreateTicket", request)
    again = client.call("TicketService/CreateTicket", request)
    expect_equal(again.SerializeToString(deterministic=True), first.SerializeToString(deterministic=True),
                 "the answer to the same request id")
    refused(client, "TicketService/CreateTicket", {**request, "title": "Twice"}, "INVALID_ARGUMENT",
            "REQUEST_ID_REUSED")
    # Only successes are remembered: a refused request may be sent again, corrected, under its id.
    wrong = {"name": "tickets/inc-999999999", "request_id": str(uuid.uuid4())}
    refused(client, "TicketService/StartWork", wrong, "NOT_FOUND", "NOT_FOUND")
    client.call("TicketService/StartWork", {**wrong, "name": first.name})
    other = Client(server.target, tenant="another", like=client)
    expect(other.call("TicketService/CreateTicket", request).title == "Once", "ids are the tenant's own")


@case
def page_tokens_and_resume_tokens_are_checked():
    for _ in range(3):
        client.call("TicketService/CreateTicket", incident())
    page = client.call("TicketService/ListTickets", {"page_size": 1})
    expect(len(page.tickets) == 1 and page.next_page_token, "a page of one ticket and a token")
    next_page = client.call("TicketService/ListTickets", {"page_size": 1, "page_token": page.next_page_token})
    expect(next_page.tickets[0].name != page.tickets[0].name, "the next page goes on")
    for fields in ({"page_token": "nonsense"}, {"page_token": page.next_page_token, "group": "other"},
                   {"page_size": -1}):
        refused(client, "TicketService/ListTickets", fields, "INVALID_ARGUMENT", "INVALID_FIELD")
    watch = client.watch("TicketService/WatchTickets", {"resume_token": "nonsense"})
    try:
        next(watch)
        raise harness.Failure("a nonsense resume token was taken")
    except grpc.RpcError as error:
        expect_equal(error.code().name, "INVALID_ARGUMENT", "a nonsense resume token")


@case
def alerts_become_one_ticket_and_resolve_it():
    payload = ('{"version":"4","status":"%s","receiver":"watchbell","groupLabels":{},"commonLabels":{},'
               '"commonAnnotations":{},"externalURL":"","alerts":[{"status":"%s","labels":{"alertname":"DiskFull",'
               '"instance":"db1","severity":"critical"},"annotations":{"summary":"Disk full"},'
               '"startsAt":"%s","endsAt":"%s"}]}')
    import base64
    import datetime
    now = datetime.datetime.now(datetime.timezone.utc)
    starts = now.isoformat()

    def publish(status, ends):
        text = payload % (status, status, starts, ends)
        return client.call("TicketService/PublishAlerts",
                           {"payload": base64.b64encode(text.encode()).decode()}).outcomes[0]
    never = "0001-01-01T00:00:00Z"
    first = publish("firing", never)
    expect_equal((first.outcome, first.error), ("opened", ""), "the first alert")
    for _ in range(3):
        again = publish("firing", never)
        expect_equal((again.outcome, again.ticket), ("repeated", first.ticket), "the same alert again")
    cleared = publish("resolved", datetime.datetime.now(datetime.timezone.utc).isoformat())
    expect_equal((cleared.outcome, cleared.ticket), ("resolved", first.ticket), "the clear")
    name = first.ticket if first.ticket.startswith("tickets/") else f"tickets/{first.ticket}"
    expect_equal(client.call("TicketService/GetTicket", {"name": name}).state, 4, "state after the clear")
    error = None
    try:
        client.call("TicketService/PublishAlerts", {"payload": base64.b64encode(b'{"alerts":').decode()})
    except RpcError as caught:
        error = caught
    expect(error is not None and error.code == "INVALID_ARGUMENT" and error.reason, f"half a payload: {error}")
    _reasons_seen.add(error.reason)


# Every rpc with every field spoilt. A path is a list of field descriptors from the request down to the field.
def paths(descriptor, depth=5):
    for field in descriptor.fields:
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if is_map:
            continue
        if field.message_type is None:
            yield [field]
        elif depth > 0 and not field.message_type.full_name.startswith("google."):
            for rest in paths(field.message_type, depth - 1):
                yield [field, *rest]


def varint(number):
    out = b""
    while number > 0x7f:
        out, number = out + bytes([number & 0x7f | 0x80]), number >> 7
    return out + bytes([number])


def spoilt(path, value):
    """Wire bytes of a request in which only the last field of the path is set."""
    if isinstance(value, bytes):
        encoded = varint(path[-1].number << 3 | 2) + varint(len(value)) + value
    else:
        encoded = varint(path[-1].number << 3) + varint(value)
    for field in reversed(path[:-1]):
        encoded = varint(field.number << 3 | 2) + varint(len(encoded)) + encoded
    return encoded


def shown(path):
    return ".".join(f.name + ("[0]" if f.label == f.LABEL_REPEATED else "") for f in path)


def answer_of(method, request_bytes):
    """None if it is answered, else its error."""
    name = f"{method.containing_service.name}/{method.name}"
    if not method.name.startswith("Watch"):
        try:
            client.send(name, request_bytes)
            return None
        except RpcError as error:
            return error
    stream = client.send_watch(name, request_bytes)
    try:
        next(stream)
        return None
    except grpc.RpcError as error:
        return client.explain(error)
    finally:
        stream.cancel()


def check_spoilt(kind, value, fits):
    wrong, tried = [], 0
    for name, method in sorted(client.methods.items()):
        for path in paths(method.input_type):
            if not fits(path[-1]):
                continue
            tried += 1
            sent = LONG_BYTES if path[-1].type == path[-1].TYPE_BYTES else value
            error = answer_of(method, spoilt(path, sent))
            if error is None or error.code != "INVALID_ARGUMENT" or error.reason != "INVALID_FIELD" or \
                    shown(path) not in error.fields:
                wrong.append(f"{name} {shown(path)} {kind}: {error}")
    expect(tried >= 20, f"only {tried} fields were tried")
    expect(not wrong, f"{len(wrong)} of {tried}:\n  " + "\n  ".join(wrong[:20]))
    expect(server.alive() and server.readiness()[0] == 200, "the server did not survive")


@case
def every_rpc_takes_an_empty_request():
    wrong = []
    for name, method in sorted(client.methods.items()):
        error = answer_of(method, b"")
        if error is None:
            continue
        _reasons_seen.add(error.reason)
        if error.code in NEVER or not error.reason:
            wrong.append(f"{name}: {error}")
    expect(len(client.methods) >= 30, f"only {len(client.methods)} rpcs")
    expect(not wrong, "\n  ".join(wrong))


@case
def every_rpc_takes_bytes_that_are_no_message():
    wrong = []
    for name, method in sorted(client.methods.items()):
        error = answer_of(method, b"\x0a\xff\xff\xff\xff\x7f")
        if error is None or error.code != "INVALID_ARGUMENT" or not error.reason:
            wrong.append(f"{name}: {error}")
        else:
            _reasons_seen.add(error.reason)
    expect(not wrong, "\n  ".join(wrong))


@case
def every_unknown_enum_value_is_refused():
    check_spoilt("= 99", UNKNOWN_ENUM, lambda f: f.enum_type is not None)


@case
def every_over_long_text_is_refused():
    check_spoilt("over-long", LONG_TEXT.encode(), lambda f: f.type in (f.TYPE_STRING, f.TYPE_BYTES))


@case
def every_invalid_utf8_is_refused():
    check_spoilt("not UTF-8", BAD_UTF8, lambda f: f.type == f.TYPE_STRING)


@case
def a_deadline_that_cannot_be_met_is_answered():
    try:
        client.call("TicketService/ListTickets", timeout=0.0001)
    except RpcError as error:
        expect_equal(error.code, "DEADLINE_EXCEEDED", "a deadline in the past")
    expect(client.call("TicketService/ListTickets").tickets, "the server goes on")


@case
def every_reason_seen_is_listed():
    expect(len(_reasons_seen) >= 7, f"only {_reasons_seen} were seen")
    expect_equal(sorted(_reasons_seen - listed_reasons()), [], "reasons that protos/README.md does not list")


@case
def stops_cleanly():
    client.close()
    expect_equal(server.terminate(), 0, "exit status after SIGTERM")


if __name__ == "__main__":
    harness.main()
