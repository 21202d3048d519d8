#include "common/db/postgres/postgres_errors.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace watchbell::db {
namespace {

constexpr size_t kLongestStatementShown = 300;

struct Trouble {
  absl::string_view prefix;  // a class of SQLSTATEs or a whole one
  absl::StatusCode code;
  const char* means;
};

// What is no fault of the statement's; nullptr for everything else.
const Trouble* TroubleOf(absl::string_view sqlstate) {
  constexpr absl::StatusCode kLater = absl::StatusCode::kUnavailable;
  constexpr absl::StatusCode kAgain = absl::StatusCode::kAborted;
  static constexpr Trouble kKnown[] = {
      {"40001", kAgain, "another transaction came first"},
      {"40P01", kAgain, "a deadlock with another transaction"},
      {"55P03", kAgain, "a row is locked by another transaction for too long"},
      {"53100", kLater, "the disk is full"},
      {"53200", kLater, "the server is out of memory"},
      {"53300", kLater, "the server has no connection left"},
      {"53", kLater, "the server is out of resources"},
      {"57014", kLater, "the statement took too long"},
      {"57", kLater, "the server ended the session"},
      {"08P01", absl::StatusCode::kInternal, "a wrong number of parameters"},
      {"08", kLater, "the connection failed"},
      {"25P02", kLater, "the transaction failed before"},
      {"25P03", kLater, "the transaction was idle for too long"},
      {"25006", kLater, "the server does not write now"},  // a standby
      {"42501", kLater, "the role may not do this"},
      {"28", kLater, "the role may not connect"},
      {"3D000", kLater, "there is no such database"},
      {"58", kLater, "the server cannot read or write its files"},
      {"XX001", kLater, "the server's files are damaged"},
      {"XX002", kLater, "the server's files are damaged"},
      {"23505", absl::StatusCode::kAlreadyExists, "the key is there already"},
  };
  for (const Trouble& known : kKnown) {
    if (absl::StartsWith(sqlstate, known.prefix)) return &known;
  }
  return nullptr;
}

}  // namespace

absl::Status PostgresError(absl::string_view place, absl::string_view sqlstate,
                           absl::string_view message, absl::string_view doing) {
  const Trouble* const trouble = TroubleOf(sqlstate);
  const absl::StatusCode code = trouble == nullptr ? absl::StatusCode::kInternal : trouble->code;
  const char* const means = trouble == nullptr ? "the statement is refused" : trouble->means;
  return absl::Status(code, absl::StrCat(place, ": ", means, " (", message, "; SQLSTATE ", sqlstate,
                                         "; ", doing.substr(0, kLongestStatementShown), ")"));
}

absl::Status PostgresGone(absl::string_view place, absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat(place, ": ", absl::StripTrailingAsciiWhitespace(what)));
}

bool IsCancelled(absl::string_view sqlstate) { return sqlstate == "57014"; }

bool WouldWrite(absl::string_view sqlstate) { return sqlstate == "25006"; }

}  // namespace watchbell::db
