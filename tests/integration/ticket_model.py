"""What the desk's rules make of a ticket: replies of many clients against the one history they must add up to."""
from harness import expect, expect_equal

NEW, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED = "STATE_NEW", "STATE_IN_PROGRESS", "STATE_ON_HOLD", "STATE_RESOLVED", \
    "STATE_CLOSED"
OPEN = (NEW, IN_PROGRESS, ON_HOLD)
NO_REASON = "HOLD_REASON_UNSPECIFIED"


class Forbidden(Exception):
    """The state does not allow the move."""


class Model:
    """One ticket as far as commands of these tests change it."""

    def __init__(self, group):
        self.state, self.hold_reason, self.reopen_count = NEW, NO_REASON, 0
        self.group, self.assignee, self.site, self.vendor = group, "", "", ""
        self.acknowledged_by, self.resolution_code = "", ""

    def facts(self):
        return dict(vars(self))

    @staticmethod
    def facts_of(ticket):
        """The same of a Ticket message."""
        def name(field):
            return ticket.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(ticket, field)].name
        return {**{field: getattr(ticket, field) for field in Model("").facts()},
                "state": name("state"), "hold_reason": name("hold_reason")}

    def apply(self, method, fields, subject):
        """Changes the ticket; the kinds of the events that makes."""
        return getattr(self, method)(fields, subject)

    def _move(self, allowed, state, kind, reason=NO_REASON):
        if self.state not in allowed:
            raise Forbidden
        self.state, self.hold_reason = state, reason
        return [kind]

    def StartWork(self, *_):
        return self._move([NEW], IN_PROGRESS, "work_started")

    def ResumeTicket(self, *_):
        return self._move([ON_HOLD], IN_PROGRESS, "resumed")

    def HoldTicket(self, fields, _):
        if self.state == ON_HOLD and self.hold_reason == fields["reason"]:
            raise Forbidden
        kind = "hold_reason_changed" if self.state == ON_HOLD else "held"
        return self._move(OPEN, ON_HOLD, kind, fields["reason"])

    def ResolveTicket(self, fields, _):
        events = self._move(OPEN, RESOLVED, "resolved")
        self.resolution_code = fields["resolution_code"]
        return events

    def CloseTicket(self, fields, _):
        in_one_move = fields.get("resolve") and self.state in OPEN
        events = self._move(OPEN if in_one_move else [RESOLVED], CLOSED, "closed")
        if in_one_move:
            self.resolution_code = fields["resolution_code"]
        return events

    def ReopenTicket(self, fields, _):
        events = self._move([RESOLVED, CLOSED], fields["target"], "reopened", fields.get("hold_reason", NO_REASON))
        self.reopen_count += 1
        return events

    def AcknowledgeTicket(self, _, subject):
        if self.acknowledged_by:
            return []
        if self.state not in OPEN:
            raise Forbidden
        self.acknowledged_by = subject
        return ["acknowledged"]

    def AssignTicket(self, fields, _):
        self.assignee = fields["assignee"]
        return ["assigned"]

    def AddComment(self, *_):
        return ["commented"]

    def UpdateTicket(self, fields, _):
        self.site, self.vendor = fields["changes"]["site"], fields["changes"]["vendor"]
        return ["attribute_changed", "attribute_changed"]


class Attempt:
    """One command and what came of it. `known`: the version its sender had last seen."""

    def __init__(self, subject, method, fields, known):
        self.subject, self.method, self.fields, self.known = subject, method, fields, known
        self.ticket = None  # the answer, if it was taken
        self.refusals = []  # RpcErrors; of a command sent twice there may be an answer beside one

    def __str__(self):
        return f"{self.method} {self.fields} by {self.subject}"


def expect_serial(history, attempts, group):
    """The history of one ticket is a serial order of exactly the attempts that were answered; the Model at its end."""
    expect_equal([entry.version for entry in history], list(range(1, len(history) + 1)), "versions of the history")
    expect_equal(history[0].type, "io.watchbell.ticket.created.v1", "the first event")
    taken = {}
    for attempt in attempts:
        if attempt.ticket is not None:
            taken.setdefault(attempt.ticket.version, []).append(attempt)
    model, states, version = Model(group), [], 1
    while True:
        states.append((version, model.facts()))
        expect_unchanged(taken.pop(version, []), model)
        if version == len(history):
            break
        version = take_next(history, taken, model, version)
    left = [str(attempt) for some in taken.values() for attempt in some]
    expect(not left, f"answered with versions the history has not: {left}")
    for attempt in attempts:
        for error in attempt.refusals:
            expect_legal(attempt, error, states)
    return model


def take_next(history, taken, model, version):
    """Applies the command that made the event after `version`; the version after it."""
    entry = history[version]
    for last in (version + 1, version + 2):  # a command makes one event or two
        for attempt in taken.get(last, []):
            before = Model("")
            vars(before).update(model.facts())
            try:
                events = before.apply(attempt.method, attempt.fields, attempt.subject)
            except Forbidden:
                continue
            kinds = [(f"io.watchbell.ticket.{kind}.v1", attempt.subject) for kind in events]
            if len(events) != last - version or [(e.type, e.actor) for e in history[version:last]] != kinds:
                continue
            expect(attempt.fields.get("etag") in (None, f"v{version}"), f"{attempt} was taken at version {version}")
            taken[last].remove(attempt)
            vars(model).update(before.facts())
            expect_equal(Model.facts_of(attempt.ticket), model.facts(), f"the answer to {attempt}")
            return last
    expect(False, f"version {entry.version} ({entry.type} by {entry.actor}) is of no command that was answered, or of "
           f"one that {model.facts()} does not allow: {[str(a) for a in taken.get(version + 1, [])]}")


def expect_unchanged(attempts, model):
    """What was answered with the ticket as it stood and made no event."""
    for attempt in attempts:
        if attempt.method != "AcknowledgeTicket" or not model.acknowledged_by:
            expect(False, f"{attempt} was answered without an event")
        expect_equal(Model.facts_of(attempt.ticket), model.facts(), f"the answer to {attempt}")


def expect_legal(attempt, error, states):
    """A refusal is a lost race, a stale etag, or a move that a state since the sender's last look forbids."""
    if error.code == "ABORTED":
        expect(error.reason == "CONFLICT" or (error.reason == "ETAG_MISMATCH" and "etag" in attempt.fields),
               f"{attempt}: {error}")
        return
    expect_equal((error.code, error.reason), ("FAILED_PRECONDITION", "MOVE_FORBIDDEN"), f"refusal of {attempt}")
    for version, facts in states:
        if version < attempt.known:
            continue
        model = Model("")
        vars(model).update(facts)
        try:
            model.apply(attempt.method, attempt.fields, attempt.subject)
        except Forbidden:
            return
    expect(False, f"{attempt} was refused, but no state since version {attempt.known} forbids it: {error}")
