"""Portals and monitoring systems at work while things break: what they were promised is kept for the reckoning."""
import base64
import collections
import threading
import uuid

import harness
from harness import expect
from client import Client, RpcError, incident
from desk_client import alert_payload
from five_processes import RAW_TOPIC
import kcat

WAIT_SECONDS = 180
CALL_SECONDS = 5
# An answer that leaves open what became of the call, or says that it may be sent again.
AGAIN = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED", "RESOURCE_EXHAUSTED")


class Load:
    """Writers with a connection each. They send a command until it is answered, always under the same request id.

    `pause`: seconds of rest between two turns of a writer. `name`: of this load, in every title; no two loads of a desk
    share one.
    """

    def __init__(self, world, writers=4, pause=0.0, name=""):
        self.name = name
        self.changed = threading.Condition()
        self.created = {}         # ticket name -> title, as acknowledged
        self.acknowledged = set()  # tickets whose acknowledgement was answered
        self.commented = {}       # ticket name -> text, as answered
        self.alerts = {}          # alert name -> ticket id, as answered
        self.raw = []             # names of alerts put on the raw topic, each twice
        self.calls = collections.Counter()  # by code
        self.refused = []         # (code, seconds to wait or None, in words)
        self.wrong = []
        self._world, self._pause = world, pause
        self._running, self._over = False, False
        self._producer = kcat.Producer(world.brokers, RAW_TOPIC)
        self._writers = [_Writer(self, number) for number in range(writers)]
        harness.at_end(self.end)

    def count(self):
        with self.changed:
            return len(self.created)

    def go_on(self, count):
        """Lets the writers work until so many more tickets are acknowledged; they keep on working."""
        with self.changed:
            self._run(True)
            goal = len(self.created) + count
            enough = self.changed.wait_for(lambda: len(self.created) >= goal or self.wrong, WAIT_SECONDS)
            expect(not self.wrong, f"the load met something it must not: {self.wrong[:3]}")
            expect(enough, f"only {len(self.created)} tickets of {goal} were acknowledged: {self.calls}")

    def wait_refused(self, count):
        """Waits until so many more calls went without an answer."""
        with self.changed:
            goal = len(self.refused) + count
            expect(self.changed.wait_for(lambda: len(self.refused) >= goal or self.wrong, WAIT_SECONDS) and
                   not self.wrong, f"calls go on as if nothing had happened: {self.calls} {self.wrong[:3]}")

    def rest(self):
        """The writers finish what they are at and wait."""
        with self.changed:
            self._run(False)
            expect(self.changed.wait_for(lambda: all(w.idle for w in self._writers) or self.wrong, WAIT_SECONDS),
                   f"a writer never got its answer: {self.calls}")
            expect(not self.wrong, f"the load met something it must not: {self.wrong[:3]}")

    def finish(self):
        """All is answered, and the broker has every alert that was put on the raw topic."""
        self.rest()
        self._producer.close()
        self.end()

    def end(self):
        with self.changed:
            self._over = True
            self.changed.notify_all()
        self._producer.stop()
        for writer in self._writers:
            writer.join(2 * CALL_SECONDS)
            writer.api.close()

    def _run(self, running):
        self._running = running
        self.changed.notify_all()

    # For the writers.

    def may_go_on(self, writer):
        with self.changed:
            writer.idle = not self._running
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._running or self._over)
            writer.idle = False
            if self._pause:
                self.changed.wait_for(lambda: self._over, self._pause)
            return not self._over

    def insist(self, api, method, fields):
        """The answer; None when the load is over."""
        while True:
            try:
                answer = api.call(method, fields, timeout=CALL_SECONDS)
                with self.changed:
                    self.calls["OK"] += 1
                return answer
            except RpcError as error:
                if error.code not in AGAIN:
                    raise
                delay = error.details.get("RetryInfo", {}).get("retry_delay")
                seconds = float(delay.rstrip("s")) if delay else None
                with self.changed:
                    self.calls[error.code] += 1
                    self.refused.append((error.code, seconds, str(error)))
                    self.changed.notify_all()
                    if self.changed.wait_for(lambda: self._over, seconds or 0.2):
                        return None

    def keep(self, where, name, what):
        with self.changed:
            if where.setdefault(name, what) != what:
                self.wrong.append(f"{name} is {where[name]} and {what}")
            self.changed.notify_all()

    def put_raw(self, name):
        line = base64.b64decode(alert_payload(name)).decode()
        with self.changed:
            self.raw.append(name)
            for key in (name, ""):  # the second may lie on another partition and come first
                self._producer.put(line, key)


class _Writer(threading.Thread):
    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.number, self.idle = load, number, True
        desk = load._world.desk()
        self.api = Client(load._world.first["tickets"].address, like=desk.clients["tickets"])
        desk.close()
        self.start()

    def run(self):
        try:
            turn = 0
            while self.load.may_go_on(self) and self.turn(f"{self.load.name}{self.number}-{turn}", turn):
                turn += 1
        except Exception as error:  # shows in the verdict
            with self.load.changed:
                self.load.wrong.append(f"writer {self.number}: {error!r}")
                self.load.changed.notify_all()

    def turn(self, title, turn):
        load = self.load
        ticket = load.insist(self.api, "TicketService/CreateTicket", incident(f"Ticket{title}."))
        if ticket is None:
            return False
        load.keep(load.created, ticket.name, ticket.title)
        if turn % 3 != 0:
            fields = {"name": ticket.name, "request_id": str(uuid.uuid4())}
            if load.insist(self.api, "TicketService/AcknowledgeTicket", fields) is None:
                return False
            with load.changed:
                load.acknowledged.add(ticket.name)
        if turn % 4 == 0:
            fields = {"name": ticket.name, "text": f"Note{title}", "request_id": str(uuid.uuid4())}
            if load.insist(self.api, "TicketService/AddComment", fields) is None:
                return False
            load.keep(load.commented, ticket.name, f"Note{title}")
        if turn % 5 == 1:
            load.put_raw(f"Raw{title}.")
        if turn % 5 == 3:
            return self.publish(f"Alert{title}.")
        return True

    def publish(self, name):
        payload = alert_payload(name)
        for _ in range(2):  # with a request id of its own each time: one ticket all the same
            answer = self.load.insist(self.api, "TicketService/PublishAlerts",
                                      {"payload": payload, "request_id": str(uuid.uuid4())})
            if answer is None:
                return False
            self.load.keep(self.load.alerts, name, answer.outcomes[0].ticket.rsplit("/", 1)[-1])
        return True
