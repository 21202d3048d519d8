// The raw limit of the store, with nothing of ours in between.
#include <sqlite3.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/watchbell/local_process.h"
#include "tests/perf/bench.h"
#include "tests/perf/raw_batches.h"

namespace watchbell::perf {
namespace {

constexpr char kSchema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE ticket (id TEXT PRIMARY KEY, opened INTEGER, team TEXT, body BLOB) STRICT;"
    "CREATE INDEX ticket_opened ON ticket (opened);"
    "CREATE INDEX ticket_team ON ticket (team, opened);"
    "CREATE TABLE history (ticket TEXT, version INTEGER, body BLOB, PRIMARY KEY (ticket, version)) "
    "STRICT;"
    "CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, body BLOB) STRICT;";

class Raw {
 public:
  explicit Raw(const std::string& path) {
    Check(sqlite3_open(path.c_str(), &handle_));
    Check(sqlite3_exec(handle_, kSchema, nullptr, nullptr, nullptr));
    begin_ = Prepare("BEGIN IMMEDIATE");
    commit_ = Prepare("COMMIT");
    ticket_ = Prepare("INSERT INTO ticket VALUES (?, ?, ?, ?)");
    history_ = Prepare("INSERT INTO history VALUES (?, 1, ?)");
    outbox_ = Prepare("INSERT INTO outbox VALUES (?, ?)");
  }
  ~Raw() {
    for (sqlite3_stmt* each : {begin_, commit_, ticket_, history_, outbox_}) sqlite3_finalize(each);
    sqlite3_close(handle_);
  }

  void Batch(int first, int count) {
    Run(begin_);
    for (int i = first; i < first + count; ++i) {
      const std::string id = absl::StrCat("inc-", i);
      const std::string team = absl::StrCat("team-", i % 40);
      Text(ticket_, 1, id);
      sqlite3_bind_int64(ticket_, 2, 1'767'225'600'000'000 + i);
      Text(ticket_, 3, team);
      Blob(ticket_, 4, body_);
      Run(ticket_);
      Text(history_, 1, id);
      Blob(history_, 2, event_);
      Run(history_);
      sqlite3_bind_int64(outbox_, 1, i + 1);
      Blob(outbox_, 2, event_);
      Run(outbox_);
    }
    Run(commit_);
  }

 private:
  void Check(int code) {
    if (code == SQLITE_OK || code == SQLITE_DONE) return;
    Must(absl::InternalError(absl::StrCat("raw SQLite: ", sqlite3_errmsg(handle_))));
  }
  sqlite3_stmt* Prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    Check(sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr));
    return statement;
  }
  void Run(sqlite3_stmt* statement) {
    Check(sqlite3_step(statement));
    sqlite3_reset(statement);
  }
  static void Text(sqlite3_stmt* statement, int place, const std::string& value) {
    sqlite3_bind_text(statement, place, value.data(), static_cast<int>(value.size()),
                      SQLITE_STATIC);
  }
  static void Blob(sqlite3_stmt* statement, int place, const std::string& value) {
    sqlite3_bind_blob(statement, place, value.data(), static_cast<int>(value.size()),
                      SQLITE_STATIC);
  }

  const std::string body_ = std::string(900, 'x');
  const std::string event_ = std::string(500, 'y');
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* begin_;
  sqlite3_stmt* commit_;
  sqlite3_stmt* ticket_;
  sqlite3_stmt* history_;
  sqlite3_stmt* outbox_;
};

}  // namespace

RawStore RawInserts(int tickets, int batch) {
  const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
  Raw raw(folder.path() + "/raw.db");
  return StoreInBatches(raw, tickets, batch);
}

}  // namespace watchbell::perf
