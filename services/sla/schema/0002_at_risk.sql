-- What ListAtRisk filters and sorts by: the running clocks of live tickets that have a deadline. And which version of the
-- zone data that was counted with.
CREATE TABLE at_risk (
  tenant TEXT NOT NULL,
  ticket_id TEXT NOT NULL,
  clock TEXT NOT NULL,
  cycle BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  breached BIGINT NOT NULL,
  counting TEXT NOT NULL,
  assignment_group TEXT NOT NULL,
  priority BIGINT NOT NULL,
  site TEXT NOT NULL,
  zone_data TEXT NOT NULL,
  PRIMARY KEY (tenant, ticket_id, clock, cycle)
);
CREATE INDEX at_risk_by_zone_data ON at_risk (zone_data, tenant, ticket_id);
CREATE INDEX at_risk_by_due ON at_risk (tenant, breached, counting, due_at, ticket_id, clock, cycle);
