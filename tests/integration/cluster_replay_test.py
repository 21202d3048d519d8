#!/usr/bin/python3
"""The replay of a desk's log through five processes, and through ten of which five are killed: the same report.

The whole log takes minutes; the tickets of its first rows are replayed, or all with REPLAY_WHOLE_LOG=1. Where
the log is missing (see replay_test.py) the sample log is replayed.
"""
import csv
import gzip
import json
import os
import re
import subprocess
import threading
import time

import harness
from harness import case, expect, expect_equal
from cluster import Cluster
from replay_reference import LOG, SAMPLE
from stack import SERVICES

TICKETS = 4000  # of the log, unless it is the whole
WHOLE = os.environ.get("REPLAY_WHOLE_LOG") == "1"
LIMIT = 1800
# Who goes: of each service one of its two, in the middle of the import and again in the middle of what follows.
IMPORTING = {"tickets": "second", "sla": "first", "escalation": "second", "notifications": "first",
             "analytics": "second"}
FINISHING = {name: "first" if which == "second" else "second" for name, which in IMPORTING.items()}


class World:
    def __init__(self):
        self.folder = harness.temporary_folder()
        self.log = LOG if WHOLE else SAMPLE
        if LOG.exists() and not WHOLE:
            self.log = self.folder / "part.csv"
            write_part(self.log)
        self.cluster = Cluster(audited=False)
        self.report = None  # of one process


world = None


def write_part(path):
    """The rows of the log's first tickets, in its order."""
    numbers = set()
    with gzip.open(LOG, "rt", encoding="utf-8", newline="") as whole, open(path, "w", encoding="utf-8",
                                                                          newline="") as part:
        rows, out = csv.reader(whole), csv.writer(part)
        out.writerow(next(rows))
        for row in rows:
            if len(numbers) < TICKETS:
                numbers.add(row[0])
            if row[0] in numbers:
                out.writerow(row)


class Replay(threading.Thread):
    """`watchbell replay`, and what it says of its progress."""

    def __init__(self, name, *flags):
        super().__init__(daemon=True)
        self.report = world.folder / f"{name}.json"
        self._process = subprocess.Popen(
            [str(harness.WATCHBELL), "replay", "--format=servicenow-audit", str(world.log), f"--report={self.report}",
             *flags], env=harness.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        harness.at_end(self._process.kill)
        self._changed = threading.Condition()
        self._lines, self._ended = [], False
        self._began = time.monotonic()
        self.start()

    def run(self):
        for line in self._process.stderr:
            with self._changed:
                self._lines.append(line.rstrip())
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_progress(self, pattern):
        """Until it has said so; it must not have ended before."""
        def said():
            return any(re.search(pattern, line) for line in self._lines)
        with self._changed:
            self._changed.wait_for(lambda: said() or self._ended, LIMIT)
            expect(said() and not self._ended, f"the replay never said {pattern}: {self._lines[-5:]}")

    def finish(self):
        """The report, as bytes."""
        try:
            status = self._process.wait(LIMIT)
        finally:
            self._process.kill()
        self.join()
        expect_equal(status, 0, f"exit status of the replay\n{self._lines[-20:]}")
        print(f"       {self.report.stem}: {time.monotonic() - self._began:.1f} s")
        return self.report.read_bytes()


def expect_same(report):
    if report == world.report:
        return
    got, wanted = json.loads(report), json.loads(world.report)
    blocks = [block for block in wanted if got.get(block) != wanted[block]]
    raise harness.Failure(f"the report is another one than of one process, in {blocks}: " +
                          "; ".join(f"{b}: {str(got.get(b))[:300]} instead of {str(wanted[b])[:300]}" for b in blocks))


def expect_nothing_set_aside(desk):
    # A connection from before a kill fails once.
    expect_equal(list(desk.insist("AdminService/ListDeadLetters", {}).dead_letters), [], "dead letters")


@case
def one_process_makes_the_report():
    global world
    world = World()
    world.report = Replay("one process").finish()
    report = json.loads(world.report)
    expect_equal(report["failed"]["tickets"], [], "failed tickets")
    expect(report["counts"]["incidents_all"] >= 300, f"tickets in the log: {report['counts']}")
    print(f"       {report['counts']['incidents_all']} tickets, {report['replay_commands']['total']} commands")


@case
def five_processes_make_the_same():
    cluster = world.cluster
    cluster.start()
    expect_same(Replay("five processes", f"--target={cluster.first['tickets'].address}", "--tenant=five").finish())
    expect_nothing_set_aside(cluster.desk(tenant="five"))


def kill_and_restart(which):
    """kill -9 of these, all at once, and their start."""
    replicas = {name: getattr(world.cluster, whose)[name] for name, whose in which.items()}
    for replica in replicas.values():
        replica.kill9()
    world.cluster.begin(replicas)


@case
def ten_of_which_five_are_killed_make_the_same():
    cluster = world.cluster
    cluster.begin(cluster.second)
    cluster.wait_shares(8, 8)
    both = ",".join(replicas["tickets"].address for replicas in (cluster.first, cluster.second))
    replay = Replay("ten processes", f"--target=ipv4:{both}", "--tenant=ten")
    replay.wait_progress(r"^Importing +[3-6]\d %")
    kill_and_restart(IMPORTING)
    replay.wait_progress(r"^(Finishing|Counting) +[3-6]\d %")
    kill_and_restart(FINISHING)
    expect_same(replay.finish())
    cluster.wait_shares(8, 8)
    expect_nothing_set_aside(cluster.desk(tenant="ten"))
    # Journals hold every event once, as they do without a kill.
    for service in SERVICES:
        counts = dict(cluster.sql(f"SELECT tenant, count(*) FROM {service}.journal WHERE tenant IN ('five', 'ten') "
                                  "GROUP BY tenant"))
        expect_equal(counts.get("ten"), counts.get("five"), f"events of {service}")


if __name__ == "__main__":
    harness.main()
