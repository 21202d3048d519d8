// The raw limit of PostgreSQL, with nothing of ours in between.
#include <libpq-fe.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/perf/bench.h"
#include "tests/perf/raw_batches.h"
#include "tests/perf/servers.h"

namespace watchbell::perf {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE ticket (id TEXT COLLATE \"C\" PRIMARY KEY, opened BIGINT, team TEXT COLLATE "
    "\"C\", body BYTEA);"
    "CREATE INDEX ticket_opened ON ticket (opened);"
    "CREATE INDEX ticket_team ON ticket (team, opened);"
    "CREATE TABLE history (ticket TEXT COLLATE \"C\", version BIGINT, body BYTEA, PRIMARY KEY "
    "(ticket, version));"
    "CREATE TABLE outbox (sequence BIGINT PRIMARY KEY, body BYTEA);";

constexpr Oid kTextArray = 1009;
constexpr Oid kBytesArray = 1001;
constexpr Oid kIntArray = 1016;

// A one-dimensional array in the binary format.
class Array {
 public:
  Array(Oid element, size_t count) {
    for (const uint64_t word :
         {uint64_t{1}, uint64_t{0}, uint64_t{element}, uint64_t{count}, uint64_t{1}}) {
      Number(word, 4);
    }
  }
  void Add(const std::string& value) {
    Number(value.size(), 4);
    data_ += value;
  }
  void Add(int64_t value) {
    Number(8, 4);
    Number(static_cast<uint64_t>(value), 8);
  }
  const std::string& data() const { return data_; }

 private:
  void Number(uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
      data_.push_back(static_cast<char>(value >> shift));
    }
  }
  std::string data_;
};

class Raw {
 public:
  explicit Raw(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
    Take(PQexec(connection_, kSchema), PGRES_COMMAND_OK);
    Prepare("begin", "BEGIN", {});
    Prepare("ticket", "INSERT INTO ticket SELECT * FROM unnest($1, $2, $3, $4)",
            {kTextArray, kIntArray, kTextArray, kBytesArray});
    Prepare("history", "INSERT INTO history SELECT k.a, 1, k.b FROM unnest($1, $2) AS k(a, b)",
            {kTextArray, kBytesArray});
    Prepare("outbox", "INSERT INTO outbox SELECT * FROM unnest($1, $2)", {kIntArray, kBytesArray});
    Prepare("commit", "COMMIT", {});
    if (PQenterPipelineMode(connection_) != 1) Fail();
  }
  ~Raw() { PQfinish(connection_); }

  void Batch(int first, int count) {
    const auto rows = static_cast<size_t>(count);
    Array ids(25, rows), opened(20, rows), teams(25, rows), bodies(17, rows), events(17, rows),
        numbers(20, rows);
    for (int i = first; i < first + count; ++i) {
      ids.Add(absl::StrCat("inc-", i));
      opened.Add(int64_t{1'767'225'600'000'000} + i);
      teams.Add(absl::StrCat("team-", i % 40));
      bodies.Add(body_);
      events.Add(event_);
      numbers.Add(int64_t{i} + 1);
    }
    Send("begin", {});
    Send("ticket", {&ids, &opened, &teams, &bodies});
    Send("history", {&ids, &events});
    Send("outbox", {&numbers, &events});
    Send("commit", {});
    if (PQpipelineSync(connection_) != 1) Fail();
    for (int i = 0; i < 5; ++i) {
      Take(PQgetResult(connection_), PGRES_COMMAND_OK);
      PQgetResult(connection_);  // the end of this one's results
    }
    Take(PQgetResult(connection_), PGRES_PIPELINE_SYNC);
  }

 private:
  void Fail() {
    Must(absl::InternalError(absl::StrCat("raw PostgreSQL: ", PQerrorMessage(connection_))));
  }
  void Take(PGresult* result, ExecStatusType wanted) {
    if (PQresultStatus(result) != wanted) Fail();
    PQclear(result);
  }
  void Prepare(const char* name, const char* sql, const std::vector<Oid>& types) {
    Take(PQprepare(connection_, name, sql, static_cast<int>(types.size()), types.data()),
         PGRES_COMMAND_OK);
  }
  void Send(const char* name, const std::vector<const Array*>& arrays) {
    const int count = static_cast<int>(arrays.size());
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const Array* array : arrays) {
      values.push_back(array->data().data());
      lengths.push_back(static_cast<int>(array->data().size()));
    }
    const std::vector<int> formats(arrays.size(), 1);
    if (PQsendQueryPrepared(connection_, name, count, values.data(), lengths.data(), formats.data(),
                            1) != 1) {
      Fail();
    }
  }

  const std::string body_ = std::string(900, 'x');
  const std::string event_ = std::string(500, 'y');
  PGconn* const connection_;
};

}  // namespace

RawStore RawUnnest(int tickets, int batch) {
  const OwnDatabase database("raw");
  Raw raw(database.url());
  return StoreInBatches(raw, tickets, batch);
}

}  // namespace watchbell::perf
