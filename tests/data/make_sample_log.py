#!/usr/bin/env python3
"""Makes services/watchbell/demo_data/sample_log.csv: an invented desk's audit log in ServiceNow's shape.

Every name and number is invented; the same seed gives the same bytes. Run it from anywhere:
    tests/data/make_sample_log.py          writes the file
    tests/data/make_sample_log.py --check  says whether the file is what this script makes
"""
import csv
import datetime
import io
import pathlib
import random
import sys

SEED = 20260302
TICKETS = 300
FIRST_MONDAY = datetime.datetime(2026, 3, 2)
WEEKS = 5
TARGET = pathlib.Path(__file__).resolve().parents[2] / "services/watchbell/demo_data/sample_log.csv"

COLUMNS = (
    "number incident_state active reassignment_count reopen_count sys_mod_count made_sla caller_id opened_by "
    "opened_at sys_created_by sys_created_at sys_updated_by sys_updated_at contact_type location category subcategory "
    "u_symptom cmdb_ci impact urgency priority assignment_group assigned_to knowledge u_priority_confirmation notify "
    "problem_id rfc vendor caused_by closed_code resolved_by resolved_at closed_at"
).split()
CATEGORIES = {
    "Mail": ["Mailbox full", "Delivery", "Calendar"],
    "Network": ["VPN", "Wireless", "Site link"],
    "Workplace": ["Laptop", "Printer", "Phone"],
    "Business app": ["Checkout", "Warehouse", "Payroll"],
}
SYMPTOMS = ["Cannot log in", "Slow", "Error message", "No connection", "?"]
GROUPS = ["Service desk", "Network", "Workplace", "Applications"]
LEVELS = {1: "1 - High", 2: "2 - Medium", 3: "3 - Low"}
PRIORITIES = {1: "1 - Critical", 2: "2 - High", 3: "3 - Moderate", 4: "4 - Low"}
MATRIX = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (2, 3): 4, (3, 2): 4, (3, 3): 4}


def stamp(time):
    return f"{time.day}/{time.month}/{time.year} {time:%H:%M}"


def opening_times(rng):
    """Working hours of five weeks, mornings busier, the fourth week a bad one."""
    times = []
    for _ in range(TICKETS):
        week = rng.choices(range(WEEKS), weights=[4, 5, 4, 8, 5])[0]
        day = rng.choices(range(7), weights=[10, 8, 7, 7, 6, 1, 1])[0]
        minute = int(rng.triangular(7 * 60, 19 * 60, 9.5 * 60))
        times.append(FIRST_MONDAY + datetime.timedelta(weeks=week, days=day, minutes=minute))
    return sorted(times)


class Ticket:
    def __init__(self, rng, index, opened_at):
        self.rng = rng
        self.time = opened_at
        self.rows = []
        category = rng.choice(list(CATEGORIES))
        impact, urgency = rng.choices(list(MATRIX), weights=[2, 3, 4, 70, 8, 3, 10])[0]
        agent = rng.randint(1, 24)
        self.values = {
            "number": f"INC{index:07d}", "incident_state": "New", "active": "true", "reassignment_count": 0,
            "reopen_count": 0, "sys_mod_count": 0, "made_sla": "true", "caller_id": f"Caller {rng.randint(1, 180)}",
            "opened_by": f"Opened by {rng.randint(1, 12)}", "opened_at": stamp(opened_at), "sys_created_by": "?",
            "sys_created_at": "?", "contact_type": rng.choices(["Phone", "Email"], weights=[9, 1])[0],
            "location": f"Location {rng.randint(1, 9)}", "category": category,
            "subcategory": rng.choice(CATEGORIES[category]), "u_symptom": rng.choice(SYMPTOMS), "cmdb_ci": "?",
            "impact": LEVELS[impact], "urgency": LEVELS[urgency], "priority": PRIORITIES[MATRIX[impact, urgency]],
            "assignment_group": "Service desk", "assigned_to": "?", "knowledge": str(rng.random() < .2).lower(),
            "u_priority_confirmation": "false", "notify": "Do Not Notify", "problem_id": "?", "rfc": "?",
            "vendor": "?", "caused_by": "?",
        }
        self.agent = f"Resolver {agent}"
        self.by = f"Updated by {agent}"

    def row(self, minutes, **changes):
        self.time += datetime.timedelta(minutes=minutes)
        if "assignment_group" in changes and self.rows:
            self.values["reassignment_count"] += 1
        self.values.update(changes)
        self.values["active"] = str(self.values["incident_state"] != "Closed").lower()
        self.rows.append(dict(self.values, sys_updated_by=self.by, sys_updated_at=stamp(self.time)))
        self.values["sys_mod_count"] += self.rng.choice([1, 1, 1, 2])

    def pause(self, mean):
        return 1 + int(self.rng.expovariate(1 / mean))

    def live(self):
        rng = self.rng
        if rng.random() < .08:
            self.row(rng.randint(0, 10), incident_state="Resolved", assigned_to=self.agent)  # solved on the phone
        else:
            self.row(rng.randint(0, 10))
            self.handle()
        self.reopen()
        if rng.random() < .96:
            self.by = "Updated by robot"
            self.row(5 * 24 * 60, incident_state="Closed")

    def handle(self):
        rng = self.rng
        if rng.random() < .15:
            self.row(self.pause(20))  # a touch
        self.row(self.pause(50), incident_state="Active", assigned_to=self.agent)
        if rng.random() < .4:
            group = rng.choice(GROUPS[1:])
            self.row(self.pause(90), assignment_group=group, assigned_to="?")
            if rng.random() < .3:
                self.row(self.pause(120), assignment_group="Service desk")
                self.row(self.pause(60), assignment_group=group)
            self.row(self.pause(60), assigned_to=f"Resolver {rng.randint(1, 24)}")
        if rng.random() < .25:
            self.row(self.pause(30), u_priority_confirmation="true")
        if rng.random() < .05:
            self.row(self.pause(30), impact=LEVELS[2], urgency=LEVELS[1], priority=PRIORITIES[2])
        if rng.random() < .3:
            state = rng.choices(["Awaiting User Info", "Awaiting Vendor", "Awaiting Problem"], weights=[8, 2, 1])[0]
            vendor = "Vendor 1" if state == "Awaiting Vendor" else self.values["vendor"]
            self.row(self.pause(60), incident_state=state, vendor=vendor)
            self.row(self.pause(900), incident_state="Active")
        self.row(self.pause(600), incident_state="Resolved")

    def reopen(self):
        while self.rng.random() < .04:
            self.values["reopen_count"] += 1
            self.row(self.pause(1200), incident_state="Active")
            self.row(self.pause(300), incident_state="Resolved")

    def finished_rows(self):
        """The final outcome stands in every row, as in the real logs: nobody may use it before it happened."""
        resolved = [r for r in self.rows if r["incident_state"] == "Resolved"][-1]["sys_updated_at"]
        final = {"closed_code": f"code {self.rng.randint(1, 9)}", "resolved_by": self.agent, "resolved_at": resolved,
                 "closed_at": self.rows[-1]["sys_updated_at"]}
        return [dict(row, **final) for row in self.rows]


def make():
    rng = random.Random(SEED)
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for index, opened_at in enumerate(opening_times(rng), start=101):
        ticket = Ticket(rng, index, opened_at)
        ticket.live()
        writer.writerows(ticket.finished_rows())
    return out.getvalue()


def main():
    made = make()
    if sys.argv[1:] == ["--check"]:
        if TARGET.read_text() != made:
            sys.exit(f"{TARGET} is not what this script makes")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        TARGET.write_text(made)


if __name__ == "__main__":
    main()
