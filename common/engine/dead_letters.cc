#include "common/engine/dead_letters.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/hash.h"
#include "common/base/payload_path.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/bus/attribute_text.h"
#include "common/bus/dead_letter_record.h"
#include "common/bus/event_registry.h"

namespace watchbell::engine {
namespace {

constexpr int kClass = 1000;
constexpr int kListLimit = 1000;

absl::StatusOr<std::vector<admin::v1::DeadLetter>> ReadAll(db::Database& database) {
  ASSIGN_OR_RETURN(const std::vector<db::Row> rows,
                   database.Read("SELECT body FROM entities WHERE class = $1", {int64_t{kClass}}));
  std::vector<admin::v1::DeadLetter> letters(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!letters[i].ParseFromString(db::AsBytes(rows[i][0]))) {
      return absl::DataLossError("a stored dead letter cannot be read");
    }
  }
  return letters;
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

absl::StatusOr<std::vector<admin::v1::DeadLetter>> ListDeadLetters(db::Database& database,
                                                                   const std::string& tenant,
                                                                   bool all) {
  ASSIGN_OR_RETURN(std::vector<admin::v1::DeadLetter> stored, ReadAll(database));
  std::vector<admin::v1::DeadLetter> letters;
  for (admin::v1::DeadLetter& letter : stored) {
    if (!all && letter.state() != admin::v1::DEAD_LETTER_STATE_OPEN) continue;
    const bool visible = tenant.empty() || letter.tenant().empty() || letter.tenant() == tenant;
    if (!visible) continue;
    letter.clear_value();
    letters.push_back(std::move(letter));
  }
  std::stable_sort(letters.begin(), letters.end(), [](const auto& a, const auto& b) {
    const absl::Time a_seen = FromProto(a.first_seen_at());
    const absl::Time b_seen = FromProto(b.first_seen_at());
    return a_seen != b_seen ? a_seen < b_seen : a.sequence() < b.sequence();
  });
  if (letters.size() > kListLimit) letters.resize(kListLimit);
  return letters;
}

absl::StatusOr<std::vector<admin::v1::DeadLetter>> ReleasedDeadLetters(db::Database& database) {
  ASSIGN_OR_RETURN(std::vector<admin::v1::DeadLetter> letters, ReadAll(database));
  const auto open = [](const auto& l) { return l.state() == admin::v1::DEAD_LETTER_STATE_OPEN; };
  letters.erase(std::remove_if(letters.begin(), letters.end(), open), letters.end());
  return letters;
}

absl::StatusOr<std::vector<admin::v1::DeadLetter>> ReadableDeadLetters(db::Database& database) {
  ASSIGN_OR_RETURN(std::vector<admin::v1::DeadLetter> letters, ReadAll(database));
  std::erase_if(letters, [](const admin::v1::DeadLetter& letter) {
    return letter.state() != admin::v1::DEAD_LETTER_STATE_OPEN || !letter.parked() ||
           letter.reason() != "UNKNOWN_TYPE" || bus::DataSchemaOf(letter.type()).empty();
  });
  return letters;
}

}  // namespace watchbell::engine
