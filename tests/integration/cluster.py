"""Two replicas of every service on real PostgreSQL and Kafka, and what their database says about them."""
import contextlib
import subprocess

import harness  # first: it finds the python that has grpc
from harness import expect, expect_equal
from desk_client import DeskClient
import processes
import servers
import stack as stacks
from stack import SERVICES

SHARDS = 16
TAKEOVER_SECONDS = 60  # generous: the machine may be busy; what the time is worth is told by the journals

# Every row that only the holder of a shard may write is noted with its writer and the shard's holder at that moment.
# The writer is told by the role of its session: each set of replicas has one of its own.
AUDIT = """
CREATE ROLE second SUPERUSER LOGIN;
CREATE SCHEMA audit;
CREATE UNLOGGED TABLE audit.writes (service text, place text, shard bigint, writer text, holder text);
CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  row_shard bigint;
  holder text;
BEGIN
  IF TG_OP = 'DELETE' THEN row_shard := OLD.shard; ELSE row_shard := NEW.shard; END IF;
  IF TG_TABLE_NAME = 'topic_positions' THEN
    IF NEW.topic = '' THEN RETURN NULL; END IF;  -- a write that is there to see whether writes go
  END IF;
  EXECUTE format('SELECT address FROM %I.leases WHERE shard = $1', TG_TABLE_SCHEMA) INTO holder USING row_shard;
  INSERT INTO audit.writes VALUES (TG_TABLE_SCHEMA, TG_TABLE_NAME, row_shard, session_user, holder);
  RETURN NULL;
END $$;
"""
AUDITED = [(service, table) for service in SERVICES for table in ("topic_positions", "relay_positions")]
AUDITED += [("sla", "timers"), ("escalation", "timers")]  # nothing but events and timers changes these


def shard_of(key):
    """Kafka's default partitioner (murmur2)."""
    data, mask, m = key.encode(), 0xffffffff, 0x5bd1e995
    h = 0x9747b28c ^ len(data)
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        h = h * m & mask ^ (k ^ k >> 24) * m & mask
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7fffffff) % SHARDS


class Cluster:
    """`first[service]` and `second[service]` are its two replicas; the second ones are not started by start()."""

    def __init__(self, flags=None, audited=True):
        self.stack = stacks.Stack(harness.temporary_folder() / "cluster", harness.BIN, free_ports=True, flags=flags,
                                  replicas=2)
        harness.at_end(self.stop)
        harness.when_failed(self.tell_ended)
        self.first = {name: self.stack.servers[name] for name in SERVICES}
        self.second = {name: self.stack.replica(name) for name in SERVICES}
        self._audited = audited
        self._opened = []

    def start(self):
        self.stack.up()
        if self._audited:
            self.sql(AUDIT)
            self.sql("".join(f"CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON {service}.{table} "
                             "FOR EACH ROW EXECUTE FUNCTION audit.note();" for service, table in AUDITED))
            for replica in self.second.values():
                replica.flags = [flag.replace("//postgres@", "//second@") for flag in replica.flags]

    def stop(self):
        for desk in self._opened:
            desk.close()
        for replica in self.second.values():
            replica.ask_to_stop()
        for replica in self.second.values():
            replica.stop()
        self.stack.down()

    def tell_ended(self):
        """Which processes have ended, by themselves or not, and what they said last."""
        for server in [*self.stack.servers.values(), *self.second.values()]:
            if server.process and not server.alive():
                print(f"{server.name} has ended with status {server.process.status()}; the end of {server.log.name}:\n"
                      f"{processes.tail(server.log, 15)}", flush=True)

    def begin(self, replicas):
        """Starts these, all at once, and waits until they serve."""
        for replica in replicas.values():
            replica.begin()
        for replica in replicas.values():
            replica.wait_ready()

    def end(self, replicas):
        """An orderly end of these, all at once."""
        for replica in replicas.values():
            replica.ask_to_stop()
        for replica in replicas.values():
            expect(replica.stop(), f"{replica.name} did not end when asked")

    def desk(self, tickets=None, **identity):
        """A client of the first replicas, or with another one of tickets."""
        like = self._opened[0] if self._opened else None
        targets = {name: self.first[name].address for name in SERVICES}
        if tickets:
            targets["tickets"] = tickets.address
        self._opened.append(DeskClient(targets, like=like, **identity))
        return self._opened[-1]

    def sql(self, text, role="postgres"):
        """Rows of texts."""
        done = subprocess.run([servers.Postgres.program("psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v",
                               "ON_ERROR_STOP=1", "-c", text,
                               self.stack.database_url.replace("//postgres@", f"//{role}@")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        expect_equal(done.returncode, 0, f"exit status of psql {text}\n{done.stderr}")
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def leases(self, service):
        """shard -> (address of its holder, epoch)."""
        return {int(shard): (address, int(epoch)) for shard, address, epoch in
                self.sql(f"SELECT shard, address, epoch FROM {service}.leases")}

    def share(self, service, replica):
        """How many shards a replica holds."""
        return sum(1 for address, _ in self.leases(service).values() if address == replica.address)

    def wait_shares(self, first, second):
        """Waits until the first replicas hold so many shards each, and the second so many."""
        held = {}

        def spread():
            for service in SERVICES:
                held[service] = (self.share(service, self.first[service]), self.share(service, self.second[service]))
            return set(held.values()) == {(first, second)}
        expect(harness.poll(spread, TAKEOVER_SECONDS, every=0.1), f"shards are not {first} to {second}, but {held}")

    def events(self, service, kind, tickets=None):
        """(ticket id, occurred at, recorded at, actor) of events of a kind ("sla.clock_breached"), times in seconds."""
        rows = self.sql(f"SELECT stream_id, occurred_at, recorded_at, actor FROM {service}.journal "
                        f"WHERE type = 'io.watchbell.{kind}.v1' ORDER BY sequence")
        return [(ticket, int(occurred) / 1e6, int(recorded) / 1e6, actor) for ticket, occurred, recorded, actor in rows
                if tickets is None or ticket in tickets]

    def expect_fenced(self):
        """Nobody has written anything that was another one's to write; how many writes were looked at."""
        wrong, total = [], 0
        addresses = {(name, role): replica.address for role, replicas in (("postgres", self.first),
                                                                         ("second", self.second))
                     for name, replica in replicas.items()}
        for service, place, shard, writer, holder, count in self.sql(
                "SELECT service, place, shard, writer, holder, count(*) FROM audit.writes GROUP BY 1, 2, 3, 4, 5"):
            total += int(count)
            if addresses[service, writer] != holder:
                wrong.append(f"{count} in {service}.{place} of shard {shard} by {writer}, while {holder} held it")
        expect(not wrong, f"{len(wrong)} kinds of writes of others than the holder: {wrong[:5]}")
        expect(total > 0, "no write was noted")
        return total

    def log(self, replica):
        with contextlib.suppress(FileNotFoundError):
            return replica.log.read_text(errors="replace")
        return ""
