#!/usr/bin/python3
"""The replay of a real desk's log: every figure, twice, through kill -9, over the network, and with a bad row.

The log is ../shared/data/incident_event_log.csv.gz beside the checkout; WATCHBELL_SHARED_DATA names another folder.
Where it is missing the cases that need it are not run, and say so; with CI set they fail.
"""
import json
import os
import re
import sqlite3
import subprocess
import threading

import harness
from client import Client
from google.protobuf import json_format
from harness import case, expect, expect_equal
from replay_reference import LOG, REFERENCE, SAMPLE, differences, expected_blocks, leaves
from verdicts_reference import CLOSED, HEADER, POLICIES, RESOLVED, flags, read_tickets, verdicts_csv

SERVICES = ["tickets", "sla", "escalation", "notifications", "analytics"]
LIMIT = 900

folder = None
first = None  # the first replay's report, as bytes


def needs_the_log(function):
    """A case over the real log."""
    def checked():
        if not LOG.exists() or not REFERENCE.exists():
            expect("CI" not in os.environ, f"{LOG} is missing, and this is CI")
            raise harness.Skip(f"there is no {LOG}")
        function()
    checked.__name__ = function.__name__
    return case(checked)


def replay(log, report, *flags):
    done = harness.run("replay", "--format=servicenow-audit", log, f"--report={report}", *flags, limit=LIMIT)
    expect_equal(done.returncode, 0, f"exit status of the replay\n{done.stderr[-2000:]}")
    return done


def contents(data):
    """How many rows each table holds, by service; journals by their last sequence too."""
    found = {}
    for service in SERVICES:
        database = sqlite3.connect(f"file:{data / service}.db?mode=ro", uri=True)
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        # Answers to callers are remembered for a week; those to the replay's two Put calls are new ones.
        found[service] = {t: database.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0] for t in tables
                          if t != "answers"}
        found[service]["head"] = database.execute("SELECT COALESCE(MAX(sequence), 0) FROM journal").fetchone()[0]
        database.close()
    return found


def report_is_the_first(report):
    global first
    if first is None:  # run alone
        replay(LOG, folder / "first.json")
        first = (folder / "first.json").read_bytes()
    expect(report.read_bytes() == first, f"{report.name} differs from the first report")


@case
def a_malformed_row_costs_its_own_ticket():
    global folder
    folder = harness.temporary_folder()
    lines = SAMPLE.read_text().split("\n")
    columns = lines[0].split(",")
    rows = [line.split(",") for line in lines]
    line = 40  # of the file, from 1
    number = rows[line - 1][0]
    place = columns.index("sys_updated_at")
    rows[line - 1][place] = "31/2/2026 25:61"
    column = len(",".join(rows[line - 1][:place])) + 2
    bad = folder / "bad.csv"
    bad.write_text("\n".join(",".join(row) for row in rows))
    replay(SAMPLE, folder / "good.json")
    done = replay(bad, folder / "bad.json")
    good = json.loads((folder / "good.json").read_text())
    report = json.loads((folder / "bad.json").read_text())
    expect_equal(good["failed"], {"rows_malformed": 0, "rows_skipped": 0, "tickets": []}, "failures of the good file")
    expect(re.search(rf"{number}: line {line}, column {column} \(sys_updated_at\)", done.stdout),
           f"the row is not reported by line {line} and column {column}:\n{done.stdout[-600:]}")
    expect_equal(report["failed"]["rows_malformed"], 1, "malformed rows counted")
    expect_equal([(t["external_id"], t["line"], t["column"], t["column_name"]) for t in report["failed"]["tickets"]],
                 [(number, line, column, "sys_updated_at")], "failures in the report")
    # Nobody else's: every other ticket counts as it did.
    whole = line > 1 and rows[line - 2][0] != number  # its first row: the ticket is not there at all
    expect_equal(report["counts"]["incidents_all"], good["counts"]["incidents_all"] - (1 if whole else 0),
                 "tickets imported beside the bad one")


@case
def files_that_are_no_log_are_refused():
    other = folder / "other.csv"
    other.write_text("a,b,c\n1,2,3\n")
    truncated = folder / "cut.csv.gz"
    truncated.write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c")
    for path in (other, truncated, folder / "missing.csv"):
        done = harness.run("replay", "--format=servicenow-audit", path)
        expect_equal(done.returncode, 1, f"exit status for {path.name}")
        expect("watchbell: " in done.stderr, f"{path.name}: {done.stderr}")
    done = harness.run("replay", "--format=servicenow-audit", other)
    expect("line 1" in done.stderr, f"a wrong header is not named by its place: {done.stderr}")


@needs_the_log
def every_figure_equals_the_reference():
    global first
    replay(LOG, folder / "first.json", f"--data={folder / 'data'}")
    first = (folder / "first.json").read_bytes()
    report, reference = json.loads(first), json.loads(REFERENCE.read_text())
    figures = 0
    for block, wanted in expected_blocks(reference).items():
        found = differences(report.get(block), wanted, block)
        expect(not found, f"{len(found)} figures differ:\n  " + "\n  ".join(found[:20]))
        figures += leaves(wanted)
    adherence = report["sla_adherence"]
    for metric in ("first_response", "resolution"):
        expect_equal(sorted(adherence[metric]), ["1 - Critical", "2 - High", "3 - Moderate", "4 - Low"], metric)
    expect_equal(report["failed"]["tickets"], [], "failed tickets")
    print(f"       {figures} figures are equal")


@needs_the_log
def a_second_replay_adds_nothing():
    data = folder / "data"
    if first is None:
        replay(LOG, folder / "zeroth.json", f"--data={data}")
    before = contents(data)
    expect(before["tickets"]["journal"] > 0, "nothing was imported before")
    replay(LOG, folder / "second.json", f"--data={data}")
    report_is_the_first(folder / "second.json")
    expect_equal(contents(data), before, "rows after the second replay")


def kill_at(data, progress):
    """Starts a replay and kills it with -9 when its progress matches."""
    process = subprocess.Popen([str(harness.WATCHBELL), "replay", "--format=servicenow-audit", str(LOG),
                                f"--data={data}", f"--report={folder / 'never.json'}"],
                               env=harness.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    guard = threading.Timer(LIMIT, process.kill)
    guard.start()
    try:
        reached = next((line for line in process.stderr if re.search(progress, line)), None)
        process.kill()
        process.stderr.read()
    finally:
        guard.cancel()
        status = process.wait(harness.STOP_SECONDS)
    expect(reached is not None, f"the replay never said {progress}")
    expect_equal(status, -9, "how the replay ended")
    expect(not (folder / "never.json").exists(), "a killed replay left a report")


@needs_the_log
def killed_in_the_middle_and_started_again():
    data = folder / "killed"
    kill_at(data, r"^Importing +[3-6]\d %")
    kill_at(data, r"^Finishing +[3-6]\d %")
    replay(LOG, folder / "killed.json", f"--data={data}")
    report_is_the_first(folder / "killed.json")
    if first is not None and (folder / "data").exists():
        clean, killed = contents(folder / "data"), contents(data)
        for service in SERVICES:
            expect_equal(killed[service]["journal"], clean[service]["journal"], f"events of {service}")


@needs_the_log
def over_the_network_the_report_is_the_same():
    server = harness.Server(folder / "served").start()
    replay(LOG, folder / "served.json", f"--target={server.target}")
    report_is_the_first(folder / "served.json")
    expect_equal(server.terminate(), 0, "exit status of the server")


def verdicts(log, policy, name, *flags_of_replay):
    """The verdicts of a replay by a policy, as bytes."""
    out = folder / f"{name}.csv"
    replay(log, folder / f"{name}.json", f"--policy={POLICIES / policy}", f"--verdicts={out}", *flags_of_replay)
    expect(not out.with_name(out.name + ".part").exists(), "a part of the verdicts was left behind")
    return out.read_bytes()


def expect_verdicts(got, wanted):
    got, wanted = got.decode().splitlines(), wanted.splitlines()
    missing, extra = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
    expect(got == wanted, f"{len(missing)} lines are missing, {len(extra)} are too many:\n  - " +
           "\n  - ".join(missing[:20]) + "\n  + " + "\n  + ".join(extra[:20]))


@needs_the_log
def verdicts_on_closing_reproduce_the_flags():
    data = folder / "closed"
    got = verdicts(LOG, "closed_within.json", "closed", f"--data={data}")
    tickets = read_tickets(LOG)
    expect_verdicts(got, verdicts_csv(tickets, "closed", CLOSED))
    rows = {line.split(",")[0]: line.split(",")[-1] for line in got.decode().splitlines()[1:]}
    wanted = flags(tickets)
    agree = [number for number, flag in wanted.items() if rows[number] == flag]
    expect_equal((len(agree), len(wanted)), (20068, 20211), "flags of closed tickets that the verdicts agree with")
    # Closed on a Saturday with exactly the time allowed: due at the end of Friday, so too late.
    expect_equal((rows["INC0011128"], wanted["INC0011128"]), ("missed", "missed"), "INC0011128")
    # Met when it was first closed, reopened, and too late when it was closed for good: restated.
    expect_equal((rows["INC0028411"], wanted["INC0028411"]), ("missed", "met"), "INC0028411")
    expect(verdicts(LOG, "closed_within.json", "closed-again", f"--data={data}") == got,
           "the verdicts of a second replay are others")


@needs_the_log
def verdicts_on_resolving_are_counted_right():
    got = verdicts(LOG, "resolved_within.json", "resolved")
    expect_verdicts(got, verdicts_csv(read_tickets(LOG), "resolved", RESOLVED))
    # Resolved in time, then raised to a priority without a promise: the verdict stands.
    expect(b"\nINC0003448,resolved,3 - Moderate," in got, "INC0003448 has lost its verdict")


PRIORITY_NAMES = {"PRIORITY_MODERATE": "3 - Moderate", "PRIORITY_LOW": "4 - Low"}


def pages_of(client, rpc, fields):
    """All answers of a call that goes page by page, as dictionaries."""
    pages, token = [], ""
    while not pages or token:
        answer = client.call(rpc, {**fields, "page_token": token}, timeout=60)
        pages.append(json_format.MessageToDict(answer, preserving_proto_field_name=True))
        token = answer.next_page_token
    return pages


def as_verdict(change):
    """A clock of a what-if as a line of the verdicts."""
    elapsed = float(change["elapsed"].rstrip("s"))
    return ",".join([change["external_id"], change["clock"], PRIORITY_NAMES[change["priority"]], change["started_at"],
                     change["due_at"], change["stopped_at"], f"{elapsed:.0f}",
                     change["after"].removeprefix("VERDICT_").lower()])


def total(pages, field, clock):
    """A count of a what-if, over all its pages."""
    return sum(int(count.get(field, 0)) for page in pages for count in page["counts"] if count["clock"] == clock)


@needs_the_log
def a_what_if_tells_the_verdicts_of_a_policy_that_judges_nothing():
    data = folder / "data"
    if not data.exists():  # run alone
        replay(LOG, folder / "zeroth.json", f"--data={data}")
    server = harness.Server(data).start()
    client = Client(server.target, roles="manager")
    imported = {"source": "servicenow-audit"}
    before = pages_of(client, "SlaService/ListImportClocks", imported)
    draft = json.loads((POLICIES / "closed_within.json").read_text())
    asked = {"policy": draft, "import_source": "servicenow-audit", "all_clocks": True}
    pages = pages_of(client, "SlaService/WhatIf", asked)
    expect(len(pages) > 3, f"all of it on {len(pages)} pages")
    tickets = read_tickets(LOG)
    expect_equal(sum(int(page["tickets"]) for page in pages), len(tickets), "tickets judged")
    changes = [change for page in pages for change in page.get("changes", [])]
    lines = sorted(as_verdict(change) for change in changes if "after" in change)
    expect_verdicts("\n".join([HEADER, *lines]).encode(), verdicts_csv(tickets, "closed", CLOSED))
    rows = {line.split(",")[0]: line.split(",")[-1] for line in lines}
    agree = [number for number, flag in flags(tickets).items() if rows[number] == flag]
    expect_equal(len(agree), 20068, "flags of closed tickets that the what-if agrees with")
    # The clocks the tickets really have are there beside it, and gone by the draft.
    stored = [clock["clock"] for page in before for clock in page["clocks"] if "verdict" in clock["clock"]]
    for name in ("first-response", "resolution"):
        for verdict in ("met", "missed"):
            wanted = sum(c["clock"] == name and c["verdict"] == f"VERDICT_{verdict.upper()}" for c in stored)
            expect(wanted > 1000, f"{wanted} clocks {name} {verdict}")
            expect_equal(total(pages, f"{verdict}_before", name), wanted, f"{name} {verdict} as stored")
            expect_equal(total(pages, f"{verdict}_after", name), 0, f"{name} {verdict} by the draft")
    for verdict in ("met", "missed"):
        wanted = sum(line.endswith(f",{verdict}") for line in lines)
        expect_equal(total(pages, f"{verdict}_after", "closed"), wanted, f"closed {verdict} by the draft")
    expect(pages_of(client, "SlaService/ListImportClocks", imported) == before, "the what-if changed stored clocks")
    client.close()
    expect_equal(server.terminate(), 0, "exit status of the server")


@case
def over_the_network_the_verdicts_are_the_same():
    here = verdicts(SAMPLE, "closed_within.json", "here")
    server = harness.Server(folder / "served-verdicts").start()
    there = verdicts(SAMPLE, "closed_within.json", "there", f"--target={server.target}")
    expect(here == there and here.count(b"\n") > 200, "the verdicts over the network are others")
    expect_equal(server.terminate(), 0, "exit status of the server")


if __name__ == "__main__":
    harness.main()
