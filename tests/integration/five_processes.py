"""Five processes on real PostgreSQL and Kafka, their sinks, and what the database says about all of them at once."""
import email
import email.policy
import shutil
import subprocess

import harness  # first: it finds the python that has grpc
from harness import expect, expect_equal
from cluster import Cluster
from desk_client import set_up_desk
from sinks import Received, Sinks
import stack as stacks
from stack import SERVICES

SECRET = "a secret of the test"
SERVE_SECONDS = 120  # generous: the machine may be busy
REST_SECONDS = 240
# consumer -> topics it reads; topic -> (producer, aggregate)
READS = {"tickets": ["escalation"], "sla": ["tickets"], "escalation": ["tickets", "sla"],
         "notifications": ["escalation"], "analytics": ["tickets", "sla", "escalation", "notifications"]}
TOPICS = {"watchbell.tickets.v1": ("tickets", "ticket"), "watchbell.alerts.v1": ("tickets", "alert"),
          "watchbell.sla.v1": ("sla", "ticket"), "watchbell.escalation.v1": ("escalation", "ticket"),
          "watchbell.notifications.v1": ("notifications", "ticket")}
RAW_TOPIC = "watchbell.alerts.raw.v1"


def _behind(consumer, producer):
    """A query: how many streams a consumer has not applied to their ends."""
    return f"""
SELECT '{consumer} behind {producer}', count(*) FROM (
  SELECT tenant, stream_id, max(version) AS newest FROM {producer}.journal
  WHERE aggregate = 'ticket' GROUP BY 1, 2) AS j
LEFT JOIN {consumer}.stream_positions AS p
  ON p.topic = 'watchbell.{producer}.v1' AND p.tenant = j.tenant AND p.stream_id = j.stream_id
WHERE coalesce(p.version, 0) < j.newest"""


# One statement, so one snapshot: nothing is on its way between two looks.
UNREST = " UNION ALL ".join(
    [_behind(consumer, producer) for consumer, producers in READS.items() for producer in producers] +
    [f"SELECT 'timers of {service}', count(*) FROM {service}.timers" for service in
     ("sla", "escalation", "notifications")] +
    ["SELECT 'deliveries in flight', count(*) FROM notifications.notification_in_flight"])


def _mount(folder, megabytes):
    """The folder, with a file system of its own until the script ends; None where nothing can be mounted."""
    folder.mkdir(parents=True)
    if not shutil.which("mount") or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", folder],
            capture_output=True).returncode != 0:
        return None
    harness.at_end(lambda: subprocess.run(["umount", "-l", folder], check=True))
    return folder


class FiveProcesses(Cluster):
    """One replica each, a webhook receiver, and the mails that the stack's own mail server keeps.

    `disk_megabytes`: the database gets a file system of its own, if one may be mounted here; `disk` is its folder.
    """

    def __init__(self, disk_megabytes=None):
        self.sinks = Sinks(SECRET)
        harness.at_end(self.sinks.stop)
        secret_file = harness.temporary_folder() / "secret"
        secret_file.write_text(SECRET + "\n")
        folder = harness.temporary_folder() / "five"
        self.disk = _mount(folder / "data" / "postgres", disk_megabytes) if disk_megabytes else None
        self.stack = stacks.Stack(folder, harness.BIN, free_ports=True,
                                  flags={"notifications": [f"--webhook-secret-file={secret_file}"]})
        harness.at_end(self.stop)
        self.first = {name: self.stack.servers[name] for name in SERVICES}
        self.second = {}
        self._audited = False
        self._opened = []
        self._mails = {}

    def start(self, **desk):
        super().start()
        set_up_desk(self.desk(), webhook_url=self.sinks.webhook_url, **desk)

    @property
    def brokers(self):
        return self.stack.brokers

    def server(self, name):
        return self.stack.servers[name]

    def health(self, service):
        """1 = SERVING, 2 = NOT_SERVING, 0 = no answer."""
        try:
            return self._opened[0].clients[service].health()
        except Exception:  # whatever grpc says of a process that is gone
            return 0

    def wait_serving(self):
        """Every process is ready, says so by gRPC too, and a new call reaches it."""
        def all_serve():
            return all(self.server(name).get("/readyz")[0] == 200 and self.health(name) == 1 for name in SERVICES)
        expect(harness.poll(all_serve, SERVE_SECONDS, every=0.2), f"they do not serve: {self.what_is_wrong()}")

    def what_is_wrong(self):
        return {name: (self.server(name).get("/readyz"), self.health(name)) for name in SERVICES}

    def unrest(self):
        """What is still to be done, anywhere: name -> how much."""
        return {what: int(count) for what, count in self.sql(UNREST) if count != "0"}

    def wait_rest(self, limit=REST_SECONDS):
        """Waits until every event is applied by all who read it, and no clock, step or delivery is to come."""
        seen = []

        def rests():
            seen[:] = [self.unrest()]
            return not seen[0]
        expect(harness.poll(rests, limit, every=0.25), f"there is no rest: {seen}; {self.what_is_wrong()}")

    def mails(self):
        """All the mail server has kept."""
        for path in self.server("smtp").mails():
            if path.name not in self._mails:
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                delivery = str(mail["X-Watchbell-Delivery"] or "")
                self._mails[path.name] = Received(
                    "mail", delivery, mail["X-Watchbell-Possible-Repeat"] == "true",
                    f"{mail['To']}\n{mail['Subject']}\n{mail.get_content()}",
                    "" if delivery and mail["Message-ID"] and mail["Subject"] else "a header is missing")
        return [self._mails[name] for name in sorted(self._mails)]

    def messages(self):
        """Mails and webhooks."""
        return self.mails() + self.sinks.inbox.messages()

    def wait_mail(self, text):
        expect(harness.poll(lambda: any(text in mail.text for mail in self.mails()), REST_SECONDS, every=0.2),
               f"no mail about {text}; {self.what_is_wrong()}")

    def dead_letters(self, service, **fields):
        return list(self._opened[0].clients[service].call("AdminService/ListDeadLetters", fields).dead_letters)

    def tickets(self):
        """name -> ticket of all there are."""
        listed, token = {}, ""
        while True:
            page = self._opened[0].insist("TicketService/ListTickets", {"page_size": 500, "page_token": token})
            for ticket in page.tickets:
                expect(ticket.name not in listed, f"{ticket.name} is listed twice")
                listed[ticket.name] = ticket
            token = page.next_page_token
            if not token:
                return listed

    def deliveries(self, name):
        return list(self._opened[0].insist("NotificationService/ListDeliveries", {"ticket": name}).deliveries)

    def expect_no_dead_letters(self):
        for service in SERVICES:
            expect_equal([letter.message for letter in self.dead_letters(service)], [], f"dead letters of {service}")
