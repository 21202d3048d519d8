// The stored tickets of a tenant in the order of their ids, for queries that go through all of them
// page by page. A scan: for what is asked once, not once a screen.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "google/protobuf/message.h"

namespace watchbell::sla {

// Blocks on the database, `at_once` tickets a statement. `take` gets each TicketClocks as it is
// stored, and says whether the page has room for one more. `request` is what the token
// `page_token` is bound to. The token for what comes after; empty if that was all.
// INVALID_ARGUMENT for a bad one.
absl::StatusOr<std::string> ReadTicketPage(
    db::Database& database, const std::string& tenant, const google::protobuf::Message& request,
    const std::string& page_token, int at_once,
    const std::function<absl::StatusOr<bool>(const std::string& body)>& take);

}  // namespace watchbell::sla
