#include "common/engine/dead_letters.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/errors.h"
#include "common/base/hash.h"
#include "common/base/payload_path.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/bus/attribute_text.h"
#include "common/bus/dead_letter_record.h"
#include "common/bus/event_registry.h"
#include "common/engine/tables.h"

namespace watchbell::engine {
namespace {

constexpr int kClass = 1000;
constexpr int kListLimit = 1000;

// The whole of one; nothing if it is not there.
absl::StatusOr<std::optional<admin::v1::DeadLetter>> Read(db::Database& database,
                                                          const db::Value& id) {
  ASSIGN_OR_RETURN(
      const std::vector<db::Row> rows,
      database.Read("SELECT body FROM entities WHERE class = $1 AND tenant = '' AND id = $2",
                    {int64_t{kClass}, id}));
  std::optional<admin::v1::DeadLetter> letter;
  if (rows.empty()) return letter;
  if (!letter.emplace().ParseFromString(db::AsBytes(rows[0][0]))) {
    return absl::DataLossError("a stored dead letter cannot be read");
  }
  return letter;
}

// Columns of those in a state, of these shards.
absl::StatusOr<std::vector<db::Row>> Select(db::Database& database, absl::string_view columns,
                                            admin::v1::DeadLetterState state, bool parked,
                                            const std::set<int>& shards) {
  if (shards.empty()) return std::vector<db::Row>();
  return database.Read(
      absl::StrCat("SELECT ", columns,
                   " FROM dead_letters WHERE state = $1 AND parked = $2 AND "
                   "shard IN (",
                   absl::StrJoin(shards, ","), ") ORDER BY first_seen_at, sequence"),
      {int64_t{state}, int64_t{parked ? 1 : 0}});
}

}  // namespace

EntityClass DeadLetterClass() {
  return {kClass, bus::kDeadLetterAggregate, &admin::v1::DeadLetter::default_instance(), ""};
}

EntityKey DeadLetterKey(const Item& item) {
  const bus::Record& record = *item.record;
  const std::string place =
      // What is no event of the key must not be taken for one.
      item.has_envelope && !(item.IsCopy() && (item.unfillable || !item.unreadable.ok()))
          ? absl::StrCat(record.topic, "\n", item.input.envelope.tenant, "\n",
                         item.input.envelope.subject, "\n", item.input.envelope.version)
          : absl::StrCat(
                record.topic, "\n", record.shard, "\n",
                record.offset >= 0 ? record.offset : record.sequence,
                // Offsets that began anew are other places.
                item.raw && record.sequence > 0 ? absl::StrCat("\n", record.sequence) : "");
  return {kClass, "", absl::StrCat("dl-", absl::Hex(Fnv1a(place), absl::kZeroPad16))};
}

admin::v1::DeadLetter MakeDeadLetter(const Item& item, const std::string& service, bool parked,
                                     const absl::Status& why, absl::Time now,
                                     const admin::v1::DeadLetter* before) {
  const bus::Envelope& envelope = item.input.envelope;
  admin::v1::DeadLetter letter;
  bus::PutRecord(*item.record, &letter);
  letter.set_dead_letter_id(DeadLetterKey(item).id);
  letter.set_service(service);
  letter.set_tenant(bus::AsUtf8(envelope.tenant));
  letter.set_version(envelope.version);
  letter.set_type(bus::AsUtf8(envelope.type));
  const std::string reason = ErrorReason(why);
  letter.set_reason(reason.empty() ? "REFUSED" : reason);
  letter.set_message(bus::DeadLetterMessage(why.message()));
  letter.set_path(bus::DeadLetterPath(PathOf(why)));
  letter.set_parked(parked);
  *letter.mutable_first_seen_at() = before != nullptr ? before->first_seen_at() : ToProto(now);
  letter.set_attempts(before != nullptr ? before->attempts() + 1 : 1);
  letter.set_state(admin::v1::DEAD_LETTER_STATE_OPEN);
  return letter;
}

bus::Record RecordOf(const admin::v1::DeadLetter& dead_letter) {
  return bus::TakeRecord(dead_letter);
}

void IndexDeadLetter(const admin::v1::DeadLetter& letter, IndexWriter& writer) {
  writer.Upsert(DeadLetterTable(),
                {letter.dead_letter_id(), int64_t{letter.partition()}, int64_t{letter.state()},
                 int64_t{letter.parked() ? 1 : 0}, letter.reason(), letter.type(), letter.tenant(),
                 absl::ToUnixMicros(FromProto(letter.first_seen_at())), letter.sequence()});
}

absl::StatusOr<std::vector<admin::v1::DeadLetter>> ListDeadLetters(db::Database& database,
                                                                   const std::string& tenant,
                                                                   bool all) {
  ASSIGN_OR_RETURN(
      const std::vector<db::Row> rows,
      database.Read(
          "SELECT id FROM dead_letters WHERE ($1 = '' OR tenant IN ('', $1)) AND "
          "($2 = 0 OR state = $2) ORDER BY first_seen_at, sequence LIMIT $3",
          {tenant, int64_t{all ? 0 : admin::v1::DEAD_LETTER_STATE_OPEN}, int64_t{kListLimit}}));
  std::vector<admin::v1::DeadLetter> letters;
  for (const db::Row& row : rows) {
    ASSIGN_OR_RETURN(std::optional<admin::v1::DeadLetter> letter, Read(database, row[0]));
    if (!letter) continue;
    letter->clear_value();
    letters.push_back(*std::move(letter));
  }
  return letters;
}

absl::StatusOr<std::vector<admin::v1::DeadLetter>> RetriedDeadLetters(db::Database& database,
                                                                      const std::set<int>& shards) {
  ASSIGN_OR_RETURN(
      const std::vector<db::Row> rows,
      Select(database, "id", admin::v1::DEAD_LETTER_STATE_RETRIED, /*parked=*/false, shards));
  std::vector<admin::v1::DeadLetter> letters;
  for (const db::Row& row : rows) {
    ASSIGN_OR_RETURN(std::optional<admin::v1::DeadLetter> letter, Read(database, row[0]));
    if (letter) letters.push_back(*std::move(letter));
  }
  return letters;
}

absl::StatusOr<std::vector<std::string>> ReadableDeadLetters(db::Database& database,
                                                             const std::set<int>& shards) {
  ASSIGN_OR_RETURN(const std::vector<db::Row> rows,
                   Select(database, "id, reason, type", admin::v1::DEAD_LETTER_STATE_OPEN,
                          /*parked=*/true, shards));
  std::vector<std::string> ids;
  for (const db::Row& row : rows) {
    const bool unknown = db::AsText(row[1]) == "UNKNOWN_TYPE";
    if (unknown && !bus::DataSchemaOf(db::AsText(row[2])).empty())
      ids.push_back(db::AsText(row[0]));
  }
  return ids;
}

}  // namespace watchbell::engine
