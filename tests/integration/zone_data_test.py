#!/usr/bin/python3
"""An upgrade of the machine's zone data moves the deadlines of open tickets, once, when the service is started with it."""
import shutil

import harness
from harness import case, expect, expect_equal
from client import Client, RpcError, incident

ZONE = "Desk/City"
SYSTEM = "/usr/share/zoneinfo"
# Five days and a half of the office: whenever the test runs, the two zones below give different deadlines.
TARGET = 44 * 3600


class World:
    def __init__(self):
        self.folder = harness.temporary_folder()
        self.zones = self.folder / "zoneinfo"
        self.server = harness.Server(self.folder / "data", env={"TZDIR": str(self.zones)})
        self.api = None
        self.ticket = None
        self.due = None

    def install(self, version, like):
        """Zone data in which the desk's city has the time of another zone."""
        shutil.rmtree(self.zones, ignore_errors=True)
        (self.zones / ZONE).parent.mkdir(parents=True)
        shutil.copy(f"{SYSTEM}/{like}", self.zones / ZONE)
        shutil.copy(f"{SYSTEM}/UTC", self.zones / "UTC")
        (self.zones / "tzdata.zi").write_text(f"# version {version}\n")

    def start(self):
        self.server.start()
        self.api = Client(self.server.target, roles="manager,agent")

    def restart(self):
        self.api.close()
        expect_equal(self.server.terminate(), 0, "exit status")
        self.start()

    def clock(self):
        """The ticket's one clock once sla has it."""
        def clocks():
            try:
                return self.api.call("SlaService/ListClocks", {"ticket": self.ticket}).clocks
            except RpcError as error:
                expect_equal(error.code, "NOT_FOUND", "what is said of a ticket sla has not heard of")
                return []
        found = harness.poll(clocks, 60)
        expect(found, "the ticket has a clock")
        return found[0]

    def due_by_calendar(self):
        answer = self.api.call("SlaService/PreviewDeadline", {
            "calendar_id": "office", "start": self.clock().started_at.ToJsonString(), "target_seconds": TARGET})
        return answer.due_at.ToJsonString()


world = World()


@case
def a_deadline_is_counted_with_the_zone_data_there_is():
    world.install("2026a", "Etc/GMT-2")
    world.start()
    world.api.call("SlaService/PutCalendar", {"calendar": {
        "calendar_id": "office", "time_zone": ZONE,
        "weekly": [{"weekday": d, "intervals": [{"from": "09:00", "to": "17:00"}]} for d in range(1, 8)]}})
    world.api.call("SlaService/PutPolicySet", {"policy_set": {"policy_set_id": "standard", "targets": [
        {"target_id": "solve", "metric": "METRIC_RESOLUTION", "duration": f"{TARGET}s",
         "basis": "TIME_BASIS_BUSINESS", "calendar_id": "office"}]}})
    world.api.call("SlaService/ActivatePolicySet", {"policy_set_id": "standard"})
    world.ticket = world.api.call("TicketService/CreateTicket", incident()).name
    world.due = world.clock().due_at.ToJsonString()
    expect_equal(world.due, world.due_by_calendar(), "the deadline")


@case
def new_zone_data_moves_it():
    world.install("2026b", "Etc/GMT+3")
    world.restart()
    expect(harness.poll(lambda: world.clock().due_at.ToJsonString() != world.due, 60), "the deadline moves")
    expect(world.server.wait_line("zone data has changed"), "the log says so")
    clock = world.clock()
    world.due = clock.due_at.ToJsonString()
    expect_equal(world.due, world.due_by_calendar(), "the deadline after it")
    expect_equal(clock.leg, 1, "leg: the promise is the same")


@case
def the_same_zone_data_again_moves_nothing():
    world.restart()
    expect_equal(world.clock().due_at.ToJsonString(), world.due, "the deadline")
    expect(not any("zone data has changed" in line for line in world.server.lines), "the log is silent")


if __name__ == "__main__":
    harness.main()
