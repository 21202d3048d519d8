"""One client for five processes: a call goes to the process that serves it."""
import base64
import datetime
import json

import harness  # first: it finds the python that has grpc
from client import Client, RpcError

SERVED_BY = {"TicketService": "tickets", "SlaService": "sla", "EscalationService": "escalation",
             "NotificationService": "notifications", "AnalyticsService": "analytics",
             "AdminService": "tickets"}


class DeskClient:
    """`targets`: HOST:PORT by name of the service. `like`: another one, for its descriptors.

    `identity`: tenant, subject, roles, as for a Client.
    """

    def __init__(self, targets, like=None, **identity):
        self.clients = {name: Client(target, like=like.clients[name] if like else None, **identity)
                        for name, target in targets.items()}

    def of(self, name):
        return self.clients[SERVED_BY[name.split("/")[0]]]

    def call(self, name, fields=None, **more):
        return self.of(name).call(name, fields, **more)

    def insist(self, name, fields, limit=60):
        """The answer of a call that may be sent again as it is, while its service is being restarted."""
        lost = []

        def answer():
            try:
                return [self.call(name, fields)]
            except RpcError as error:
                if error.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                    raise
                lost.append(error)
                return None
        found = harness.poll(answer, limit, every=0.2)
        if not found:
            raise lost[-1]
        return found[0]

    def watch(self, name, fields=None, **more):
        return self.of(name).watch(name, fields, **more)

    def close(self):
        for client in self.clients.values():
            client.close()


def set_up_desk(desk, webhook_url=None, people=("ada", "grace", "margaret"), breach="2s", delay="1s"):
    """A first response clock on every ticket and three steps: on call, second person, catch-all."""
    desk.call("SlaService/PutCalendar", {"calendar": {
        "calendar_id": "always", "time_zone": "UTC",
        "weekly": [{"weekday": d, "intervals": [{"from": "00:00", "to": "24:00"}]} for d in range(1, 8)]}})
    desk.call("SlaService/PutPolicySet", {"policy_set": {"policy_set_id": "quick", "targets": [
        {"target_id": "response", "metric": "METRIC_FIRST_RESPONSE", "duration": breach,
         "basis": "TIME_BASIS_BUSINESS", "calendar_id": "always"}]}})
    desk.call("SlaService/ActivatePolicySet", {"policy_set_id": "quick"})
    for person in people:
        points = [{"medium": "MEDIUM_EMAIL", "address": f"{person}@example.test"}]
        if webhook_url:
            points.append({"medium": "MEDIUM_WEBHOOK", "address": webhook_url})
        desk.call("NotificationService/PutContact", {"contact": {"person": person, "points": points}})
    desk.call("EscalationService/PutEscalationSetup", {"setup": {
        "rotas": [{"rota_id": "first", "time_zone": "UTC", "anchor": "2020-01-06T09:00", "turn_days": 7,
                   "people": [people[0]]}],
        "teams": [{"team_id": "desk", "rota_id": "first", "escalation_policy_id": "urgent"}],
        "policies": [{"escalation_policy_id": "urgent", "trigger": "TRIGGER_BREACH", "catch_all": [people[2]],
                      "steps": [{"rotas": ["first"], "delay": delay}, {"people": [people[1]], "delay": delay}]}],
        "routing": [{"rule_id": "all", "team_id": "desk"}]}})


def alert_payload(name):
    """One firing alert in Alertmanager's webhook form, base64 as JSON carries bytes."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return base64.b64encode(json.dumps({
        "version": "4", "status": "firing", "receiver": "watchbell", "alerts": [
            {"status": "firing", "labels": {"alertname": name, "severity": "critical"},
             "annotations": {"summary": name}, "startsAt": now, "endsAt": "0001-01-01T00:00:00Z"}]}).encode()).decode()
