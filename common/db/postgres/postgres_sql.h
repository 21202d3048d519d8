// The SQL this backend writes itself, and what it makes of schema scripts.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/db/db.h"

namespace watchbell::db {

// Rows whose keys are in the arrays $1..$k, locked in the order of the arrays: the lock is taken
// above the sort.
std::string LoadSql(const Table& table, Lock lock);
// Rows in the arrays $1..$c. If the table HasSequence there is one parameter more: how many numbers
// the transaction has taken.
std::string InsertSql(const Table& table);
// The same; a key must not be in the arrays twice.
std::string UpsertSql(const Table& table);
// Keys in the arrays $1..$k.
std::string DeleteSql(const Table& table);

bool HasSequence(const Table& table);

// Takes $1 numbers from the sequence under the advisory lock of the schema; answers the last one.
std::string TakeNumbersSql();
// Waits until no transaction is under way that has taken some. Held to the end of the transaction:
// what comes behind it waits its turn, so neither readers nor writers starve.
std::string AwaitNumbersSql();

// "--postgresql:" is taken off the lines that begin with it, and every TEXT column of a CREATE
// TABLE or ALTER TABLE compares by its bytes (COLLATE "C"), as it does in the other databases:
// whatever the collation of the database, cursors over text keys go in the same order.
std::string TranslatePostgresScript(absl::string_view script);

// A name as it may stand in SQL.
std::string QuoteIdentifier(absl::string_view name);

}  // namespace watchbell::db
