"""Where the logs lie, and a replay's report against the reference figures of the real one, value by value."""
import os
import pathlib

import harness

DATA = pathlib.Path(os.environ.get("WATCHBELL_SHARED_DATA") or harness.ROOT.parent / "shared" / "data")
LOG = DATA / "incident_event_log.csv.gz"
REFERENCE = DATA / "incident_event_log_reference.json"
SAMPLE = harness.ROOT / "services/watchbell/demo_data/sample_log.csv"

MEASURES = ["first_resolved_row_calendar_h", "last_transition_to_Resolved_row_calendar_h",
            "ack_first_row_not_New_calendar_h"]
# Known from the log's final columns only, not from events.
NOT_FROM_EVENTS = {"not_closed_by_closed_at"}


def expected_blocks(reference):
    """The blocks of the report, as the reference file has them."""
    commands = reference["replay_commands_expected"]
    pingpong = reference["reassignment"]["pingpong"]
    return {
        "counts": reference["counts"],
        "replay_commands": {"counts": commands["counts"], "total": commands["total"]},
        "volume_per_week": reference["volume_per_week"],
        "backlog_at_week_end": [{k: v for k, v in week.items() if k not in NOT_FROM_EVENTS}
                                for week in reference["backlog_at_week_end"]],
        "reopen": reference["reopen"],
        "group_changes_from_rows": reference["group_changes_from_rows"],
        "pingpong": {"incidents_with_return": pingpong["incidents_with_return"]["num"],
                     "returns_total": pingpong["returns_total"],
                     "aba_incidents": pingpong["aba_incidents"]["num"],
                     "aba_total": pingpong["aba_total"]},
        "time_to_resolve": {priority: {measure: stats[measure] for measure in MEASURES}
                            for priority, stats in reference["time_to_resolve"].items()},
    }


def differences(got, wanted, path):
    """Every place where the two differ, one line each. Numbers must be equal, not near."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        found = [f"{path}.{key}: missing" for key in wanted if key not in got]
        found += [f"{path}.{key}: not in the reference" for key in got if key not in wanted]
        for key in wanted:
            if key in got:
                found += differences(got[key], wanted[key], f"{path}.{key}")
        return found
    if isinstance(wanted, list) and isinstance(got, list):
        if len(got) != len(wanted):
            return [f"{path}: {len(got)} entries, the reference has {len(wanted)}"]
        return [d for i, (g, w) in enumerate(zip(got, wanted)) for d in differences(g, w, f"{path}[{i}]")]
    same = got == wanted and isinstance(got, bool) == isinstance(wanted, bool)
    return [] if same else [f"{path}: {got!r}, not {wanted!r}"]


def leaves(value):
    """How many figures a block holds."""
    if isinstance(value, dict):
        return sum(leaves(v) for v in value.values())
    if isinstance(value, list):
        return sum(leaves(v) for v in value)
    return 1
