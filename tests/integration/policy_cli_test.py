#!/usr/bin/python3
"""Policies from the command line: applied, explained, previewed, moved; and what the clocks' queries say of a ticket."""
import json

import harness
from harness import case, expect, expect_equal

LIMIT = 60  # seconds until what was done is seen by another service

HOUR = 3600


def policy(hours_to_solve):
    """A response in an hour and a resolution in so many, of all time; low priorities get twice as long."""
    def target(name, metric, hours, **more):
        return {"target_id": name, "metric": metric, "duration": f"{hours * HOUR}s", "basis": "TIME_BASIS_CALENDAR",
                **more}
    return {"policy_set": {"policy_set_id": "desk", "targets": [
        target("answer", "METRIC_FIRST_RESPONSE", 1, warn_percent=[50]),
        target("solve-low", "METRIC_RESOLUTION", 2 * hours_to_solve, priorities=["PRIORITY_LOW"]),
        target("solve", "METRIC_RESOLUTION", hours_to_solve, pause_on=["HOLD_REASON_VENDOR"])]}}


class World:
    def __init__(self):
        self.folder = harness.temporary_folder()
        self.server = harness.Server(self.folder / "data").start()
        self.ticket = None

    def run(self, *arguments, status=0):
        done = harness.run(*arguments, f"--target={self.server.target}")
        expect_equal(done.returncode, status, f"exit status of {arguments}\n{done.stdout}{done.stderr}")
        return done.stdout if status == 0 else done.stderr

    def call(self, method, request, **more):
        said = self.run("call", method, json.dumps(request), **more)
        return said if more.get("status") else json.loads(said)

    def file(self, name, content):
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def clocks(self, ticket):
        done = harness.run("call", "SlaService/ListClocks", json.dumps({"ticket": ticket["name"]}),
                           f"--target={self.server.target}")
        if done.returncode:  # sla has not heard of it yet
            expect("(NOT_FOUND)" in done.stderr, f"what is said of a ticket's clocks: {done.stderr}")
            return {}
        return {clock["clock"]: clock for clock in json.loads(done.stdout).get("clocks", [])}


world = None


@case
def a_policy_is_applied_and_a_ticket_opened():
    global world
    world = World()
    said = world.run("policy", "apply", world.file("desk.json", policy(4)), "--activate")
    expect("policy set desk: version 1, active from 20" in said, f"what apply says: {said}")
    world.ticket = world.call("TicketService/CreateTicket",
                              {"type": "TICKET_TYPE_INCIDENT", "title": "no network", "impact": "IMPACT_HIGH",
                               "urgency": "URGENCY_HIGH", "group": "network"})
    expect(harness.poll(lambda: len(world.clocks(world.ticket)) == 2, LIMIT), "the ticket never got its clocks")


@case
def a_clock_is_explained():
    clock_id = f"{world.ticket['ticket_id']}/resolution/1"
    told = world.call("SlaService/ExplainClock", {"clock_id": clock_id})
    due = world.clocks(world.ticket)["resolution"]["due_at"]
    expect_equal(told["clock"]["due_at"], due, "deadline explained")
    expect_equal(told["counted"]["allowed"], f"{4 * HOUR}s", "time allowed")
    expect_equal([t["target_id"] for t in told["targets"]], ["solve-low", "solve"], "targets explained")
    expect_equal(told["pausing_hold_reasons"], ["HOLD_REASON_VENDOR"], "holds that would pause it")
    said = world.run("policy", "explain", f"--clock={clock_id}")
    for line in (f"{clock_id}: running, due {due}", "  target solve of policy set desk version 1",
                 "  solve-low: priority is PRIORITY_CRITICAL, not PRIORITY_LOW", "  solve: applies",
                 "  on hold for vendor: paused"):
        expect(line in said, f"{line!r} is not in what is explained:\n{said}")
    refused = world.run("policy", "explain", f"--clock={world.ticket['ticket_id']}/resolution/9", status=1)
    expect("NOT_FOUND" in refused, f"an unknown clock: {refused}")


@case
def a_file_is_explained():
    said = harness.run("policy", "explain", world.folder / "desk.json").stdout
    expect("Clock resolution (resolution)\n  1. solve-low: 8 h, all time counts\n" in said, f"the file in words: {said}")


@case
def a_ticket_that_is_not_there_is_previewed():
    ticket = world.file("ticket.json", {"type": "TICKET_TYPE_INCIDENT", "priority": "PRIORITY_LOW",
                                        "opened_at": "2026-01-05T09:00:00Z"})
    said = world.run("policy", "preview", world.file("draft.json", policy(6)), f"--ticket={ticket}")
    expect_equal(said, "by a draft of policy set desk: 2 clocks\n"
                       "first-response: running, due 2026-01-05T10:00:00Z, by answer\n"
                       "  counts from 2026-01-05T09:00:00Z\n"
                       "  warns at 2026-01-05T09:30:00Z, 50 % used\n"
                       "resolution: running, due 2026-01-05T21:00:00Z, by solve-low\n"
                       "  counts from 2026-01-05T09:00:00Z\n", "the preview")
    stored = world.call("SlaService/PreviewClocks", {"ticket": {"type": "TICKET_TYPE_INCIDENT"}})
    expect_equal((stored["policy_set_id"], stored["policy_version"]), ("desk", "1"), "what judges without a draft")
    bad = policy(6)
    bad["policy_set"]["targets"][1]["duration"] = "0s"
    refused = world.run("policy", "preview", world.file("bad.json", bad), f"--ticket={ticket}", status=1)
    expect("bad.json has 1 fault:\n  policy_set.targets[1].duration: " in refused, f"a bad draft: {refused}")


@case
def a_change_is_previewed_and_not_made():
    before = world.clocks(world.ticket)
    moves = world.call("SlaService/PreviewChange",
                       {"ticket": world.ticket["name"], "update_mask": ["priority"],
                        "change": {"priority": "PRIORITY_LOW"}})["clocks"]
    expect_equal([(m["before"]["clock"], m.get("changed", False), m["after"]["target_id"]) for m in moves],
                 [("first-response", False, "answer"), ("resolution", True, "solve-low")], "clocks after the change")
    reply = world.call("SlaService/PreviewChange", {"ticket": world.ticket["name"], "reply": True})["clocks"]
    expect_equal([m["after"]["state"] for m in reply], ["CLOCK_STATE_STOPPED", "CLOCK_STATE_RUNNING"], "after a reply")
    expect_equal(world.clocks(world.ticket), before, "clocks after previews")
    refused = world.call("SlaService/PreviewChange", {"ticket": world.ticket["name"], "update_mask": ["title"]},
                         status=1)
    expect("update_mask[0]" in refused, f"a path that cannot be previewed: {refused}")


@case
def running_clocks_are_previewed_and_moved():
    said = world.run("policy", "apply", world.file("longer.json", policy(5)))
    expect_equal(said, "policy set desk: version 2, draft: --activate puts it in force\n", "what apply says of a draft")
    said = world.run("policy", "preview", "--running", "--policy-set=desk", "--version=2")
    expect("open tickets: 1 looked at, 1 would be moved; " in said, f"the preview: {said}")
    expect(", by solve of policy set desk version 1; then running, " in said and
           ", by solve of policy set desk version 2\n" in said, f"the versions before and after: {said}")
    expect_equal(world.clocks(world.ticket)["resolution"]["policy_version"], "1", "what judges after the preview")
    said = world.run("policy", "apply", world.folder / "longer.json", "--activate", "--move-running", "--reason=longer")
    expect("open tickets: 1 looked at, 1 moved; " in said, f"the move: {said}")
    expect(harness.poll(lambda: world.clocks(world.ticket)["resolution"]["policy_version"] == "2", LIMIT),
           "the ticket was not moved")


@case
def a_calendar_that_lies_on_the_server_is_found():
    hours = {"calendar_id": "office", "time_zone": "UTC",
             "weekly": [{"weekday": 1, "intervals": [{"from": "09:00", "to": "17:00"}]}]}
    counted = {"policy_set": {"policy_set_id": "counted", "targets": [
        {"target_id": "solve", "metric": "METRIC_RESOLUTION", "duration": "3600s", "basis": "TIME_BASIS_BUSINESS",
         "calendar_id": "office"}]}}
    file = world.file("counted.json", counted)
    world.run("policy", "check", file, "--stored", status=1)
    world.run("policy", "apply", world.file("office.json", {"calendars": [hours]}))
    without = harness.run("policy", "check", file)
    expect_equal(without.returncode, 1, "exit status without the server")
    refused = without.stderr
    expect("targets[0].calendar_id" in refused and "are found with --stored" in refused, f"without the server: {refused}")
    expect_equal(world.run("policy", "check", file, "--stored"), "OK: 0 calendars, policy set counted with 1 target\n",
                 "with the server")
    said = world.run("policy", "explain", file, "--stored")
    expect("  1. solve: 1 h, counted by calendar office\n" in said and said.endswith(
        f"\nCalendars stored at {world.server.target}\n  office: newest version 1\n"), f"what it promises: {said}")


@case
def a_refusal_lists_all_faults_at_once():
    bad = policy(4)["policy_set"]
    bad["policy_set_id"] = "Two Words"
    bad["targets"][2]["duration"] = "0s"
    refused = world.call("SlaService/PutPolicySet", {"policy_set": bad}, status=1)
    for field in ("policy_set.policy_set_id: ", "policy_set.targets[2].duration: "):
        expect(field in refused, f"{field} is not in what is refused: {refused}")
    refused = world.call("SlaService/WhatIf", {"policy": {"policy_set": bad}}, status=1)
    for field in ("policy.policy_set.policy_set_id: ", "policy.policy_set.targets[2].duration: "):
        expect(field in refused, f"{field} is not in what is refused: {refused}")


@case
def zeros_are_shown_on_demand():
    request = json.dumps({"ticket": world.ticket["name"]})
    for flags, shown in (([], False), (["--zeros"], True)):
        clock = json.loads(world.run("call", "SlaService/ListClocks", request, *flags))["clocks"][0]
        expect_equal(("breached" in clock, clock.get("breached", False)), (shown, False), f"with flags {flags}")


@case
def json_that_is_none_of_the_request_is_told_with_what_fits():
    def told(request):
        return world.run("call", "SlaService/ListAtRisk", json.dumps(request), status=2)
    wrong = told({"filter": {"priorities": ["P1"]}})
    expect("\nValues of Priority: PRIORITY_CRITICAL, PRIORITY_HIGH, " in wrong, f"a wrong value: {wrong}")
    wrong = told({"filter": {"group": "network"}})
    expect("\nFields of AtRiskFilter:\n" in wrong, f"a wrong field of a field: {wrong}")
    wrong = told({"filters": {}})
    expect("\nFields of ListAtRiskRequest:\n  filter\n" in wrong, f"a wrong field: {wrong}")
    wrong = world.run("call", "SlaService/ListAtRisk", "{", status=2)
    expect("\nFields of ListAtRiskRequest:\n" in wrong, f"no JSON: {wrong}")


@case
def what_is_applied_is_not_of_the_past():
    file = world.file("late.json", policy(7))
    refused = world.run("policy", "apply", file, "--activate", "--effective-at=2001-01-01T00:00:00Z", status=2)
    expect("--effective-at lies in the past" in refused, f"the refusal: {refused}")
    expect_equal(world.call("SlaService/GetPolicySet", {"policy_set_id": "desk"})["version"], "2", "newest version")
    said = world.run("policy", "apply", world.folder / "longer.json")
    expect(said.startswith("policy set desk: unchanged (version 2), in force already: active from 20"),
           f"what apply says of what is in force: {said}")


@case
def a_ticket_without_clocks_is_told_why():
    ticket = world.file("none.json", {"type": "TICKET_TYPE_INCIDENT", "impact": "IMPACT_HIGH",
                                      "urgency": "URGENCY_HIGH"})
    draft = policy(4)
    draft["policy_set"]["targets"] = [draft["policy_set"]["targets"][1]]
    said = world.run("policy", "preview", world.file("low.json", draft), f"--ticket={ticket}")
    expect(said.startswith("no clocks: no target of a draft of policy set desk selects the ticket\n"
                           "priority is not given: "), f"the preview: {said}")


@case
def adherence_is_counted():
    asked = {"group_by": ["DIMENSION_CLOCK", "DIMENSION_PRIORITY"]}

    def rows():
        return {row["clock"]: row for row in world.call("AnalyticsService/GetAdherence", asked).get("rows", [])}
    expect(harness.poll(lambda: rows().get("resolution", {}).get("pending") == "1", LIMIT), f"pending: {rows()}")
    world.call("TicketService/ResolveTicket", {"name": world.ticket["name"], "resolution_code": "fixed"})
    expect(harness.poll(lambda: rows()["resolution"].get("met") == "1", LIMIT), f"met: {rows()}")
    row = rows()["resolution"]
    expect_equal((row["priority"], row.get("missed", "0"), row["kept"]["rate"]), ("PRIORITY_CRITICAL", "0", 1.0), "row")


@case
def what_a_draft_would_have_made_of_it():
    said = world.run("policy", "preview", world.folder / "draft.json")
    expect(said.startswith("1 ticket judged again\n"), f"the preview: {said}")
    row = next(line for line in said.splitlines() if line.startswith("resolution "))
    expect_equal(row.split(), ["resolution", "critical", "1", ">", "1", "0", ">", "0", "0", ">", "0", "0", "0"], "row")
    expect("0 tickets with another verdict" in said, f"the preview: {said}")
    later = world.run("policy", "preview", world.folder / "draft.json", "--from=2200-01-01T00:00:00Z")
    expect_equal(later, "no ticket was opened then\n", "of a window without tickets")
    nope = world.run("policy", "preview", world.folder / "draft.json", "--source=nope")
    expect_equal(nope, "no ticket of the import nope is known\n", "of an import that is not there")


@case
def a_call_is_made_as_whom_it_says():
    asked = json.dumps({"clock_id": f"{world.ticket['ticket_id']}/resolution/1", "reason": "power cut"})
    for flags in (["--roles=viewer"], ["--roles=agent,viewer"], ["--roles="]):
        refused = world.run("call", "SlaService/WaiveClock", asked, *flags, status=1)
        expect("PERMISSION_DENIED, ROLE_MISSING" in refused, f"with {flags}: {refused}")
    refused = world.run("call", "SlaService/WaiveClock", asked, "--roles=manager", status=1)
    expect("ROLE_MISSING" not in refused, f"as a manager, of a clock that was kept: {refused}")


@case
def a_comment_is_of_whom_it_says():
    talk = {"policy_set": {"policy_set_id": "desk", "targets": [
        {"target_id": "talk", "metric": "METRIC_NEXT_RESPONSE", "duration": "3600s", "basis": "TIME_BASIS_CALENDAR"}]}}
    world.run("policy", "apply", world.file("talk.json", talk), "--activate")
    ticket = world.call("TicketService/CreateTicket",
                        {"type": "TICKET_TYPE_INCIDENT", "title": "no sound", "impact": "IMPACT_LOW",
                         "urgency": "URGENCY_LOW", "group": "network"})
    comment = json.dumps({"name": ticket["name"], "text": "still nothing", "public": True})

    def state():
        return world.clocks(ticket).get("next-response", {}).get("state")
    world.run("call", "TicketService/AddComment", comment, "--subject=rosa", "--roles=")
    expect(harness.poll(lambda: state() == "CLOCK_STATE_RUNNING", LIMIT), f"after the requester's comment: {state()}")
    world.run("call", "TicketService/AddComment", comment, "--subject=ada", "--roles=agent")
    expect(harness.poll(lambda: state() == "CLOCK_STATE_STOPPED", LIMIT), f"after the agent's comment: {state()}")


if __name__ == "__main__":
    harness.main()
