"""What verdicts a log's clocks must get, counted from its rows alone: Monday to Friday, 24 hours a day, UTC.

Of the policies in tests/data/policies: a clock runs from opened_at until the ticket has been in a final state for good,
all time in between counted (reopening goes on from creation), and the target is that of the priority it ended with.
"""
import csv
import datetime
import gzip
import pathlib

POLICIES = pathlib.Path(__file__).resolve().parents[1] / "data" / "policies"
HEADER = "external_id,clock,priority,started_at,due_at,stopped_at,elapsed_s,verdict"
ALLOWED = {"3 - Moderate": 553140, "4 - Low": 1244052}  # seconds: 153.65 h, 345.57 h
CLOSED = {"Closed"}
RESOLVED = {"Resolved", "Closed"}

_DAY = 86400
_MONDAY = datetime.datetime(2016, 1, 4)


def read_tickets(path):
    """The rows of each ticket, in the log's order."""
    tickets = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as log:
        for row in csv.DictReader(log):
            tickets.setdefault(row["number"], []).append(row)
    return tickets


def _instant(text):
    return datetime.datetime.strptime(text, "%d/%m/%Y %H:%M")


def _shown(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(instant):
    """Working seconds since a Monday long before."""
    since = int((instant - _MONDAY).total_seconds())
    return since // (7 * _DAY) * 5 * _DAY + min(since % (7 * _DAY), 5 * _DAY)


def _due(start, allowed):
    """The first instant by which so much has been counted: the end of a Friday, not the Monday after it."""
    weeks, rest = divmod(_counted(start) + allowed, 5 * _DAY)
    if rest == 0:
        weeks, rest = weeks - 1, 5 * _DAY
    return _MONDAY + datetime.timedelta(seconds=weeks * 7 * _DAY + rest)


def verdict_of(rows, final):
    """(priority, start, due, stop, elapsed, verdict) of one ticket; None if it is open or no target is its own."""
    start = now = _instant(rows[0]["opened_at"])
    stop = priority = None
    for before, row in zip([rows[0], *rows], rows):
        now = max(now, _instant(row["sys_updated_at"]))
        if row["incident_state"] not in final:
            stop = None
            continue
        if stop is None:  # a row moves its ticket first, then changes its priority
            stop, priority = now, before["priority"]
        if priority not in ALLOWED:  # it may get a clock yet, judged at the stop's own instant
            priority = row["priority"]
    if stop is None or priority not in ALLOWED:
        return None
    due = _due(start, ALLOWED[priority])
    return priority, start, due, stop, _counted(stop) - _counted(start), "met" if stop <= due else "missed"


def verdicts_csv(tickets, clock, final):
    """The whole file, as the replay must write it."""
    lines = [HEADER]
    for number in sorted(tickets):
        found = verdict_of(tickets[number], final)
        if found is not None:
            priority, start, due, stop, elapsed, verdict = found
            times = ",".join(map(_shown, (start, due, stop)))
            lines.append(f"{number},{clock},{priority},{times},{elapsed},{verdict}")
    return "\n".join(lines) + "\n"


def flags(tickets):
    """The source's own judgement, by ticket: closed ones that ended with a priority of ALLOWED."""
    last = {number: rows[-1] for number, rows in tickets.items()}
    return {number: "met" if row["made_sla"] == "true" else "missed" for number, row in last.items()
            if row["incident_state"] == "Closed" and row["priority"] in ALLOWED}
