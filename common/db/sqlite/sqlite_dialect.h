// From the portable SQL of db.h to SQLite's.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace watchbell::db {

// $n becomes ?n, outside of quotes.
std::string TranslateParameters(absl::string_view sql);

// A schema script: BIGINT, DOUBLE PRECISION and BYTEA become INTEGER, REAL and BLOB (so a lone
// BIGINT key is SQLite's rowid), every CREATE TABLE makes a STRICT table. A table of several key
// columns and no BYTEA column is kept in its key's own tree (WITHOUT ROWID): its rows are small,
// and it is written once instead of twice.
std::string TranslateScript(absl::string_view script);

}  // namespace watchbell::db
