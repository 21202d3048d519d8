-- What ListTickets filters and sorts by, derived from each ticket's state.
CREATE TABLE ticket_index (
  tenant TEXT NOT NULL,
  ticket_id TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  state BIGINT NOT NULL,
  priority BIGINT NOT NULL,
  assignment_group TEXT NOT NULL,
  assignee TEXT NOT NULL,
  requester TEXT NOT NULL,
  site TEXT NOT NULL,
  category TEXT NOT NULL,
  import_source TEXT NOT NULL,
  external_id TEXT NOT NULL,
  PRIMARY KEY (tenant, ticket_id)
);
CREATE INDEX ticket_index_by_opening ON ticket_index (tenant, opened_at, ticket_id);
CREATE INDEX ticket_index_by_group ON ticket_index (tenant, assignment_group, opened_at, ticket_id);
CREATE INDEX ticket_index_by_source ON ticket_index (tenant, import_source, external_id);
