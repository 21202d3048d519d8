// What a batch does with dead letters.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/engine/batch.h"
#include "common/engine/dead_letters.h"
#include "common/engine/tables.h"
#include "watchbell/events/v1/dead_letters.pb.h"

namespace watchbell::engine {

absl::Status Batch::SetAside(Item& item, bool parked, const absl::Status& why) {
  const EntityKey key = DeadLetterKey(item);
  RETURN_IF_ERROR(entities_.Load(*transaction_, {key}));
  admin::v1::DeadLetter letter = MakeDeadLetter(item, context_.options.service, parked, why, now_,
                                                entities_.Get<admin::v1::DeadLetter>(key));
  events::v1::DeadLettered event;
  *event.mutable_dead_letter() = letter;
  Decision decision;
  decision.Emit(key, std::move(event), now_);
  decision.Put(key, std::move(letter));
  item.fate = parked ? Item::Fate::kParked : Item::Fate::kDropped;
  return TakeOver(decision, item);
}

absl::Status Batch::LoadPosition(const StreamRef& stream, Position* position) {
  ASSIGN_OR_RETURN(const auto rows,
                   transaction_->Load(StreamPositionTable(),
                                      {db::Row{stream.topic, stream.tenant, stream.stream_id}}));
  if (!rows.empty()) position->Take(rows[0]);
  return absl::OkStatus();
}

absl::Status Batch::DecideRelease(Item& item) {
  item.fate = Item::Fate::kAnswered;
  const EntityKey key{DeadLetterClass().cls, "", item.dead_letter_id};
  const auto* stored = entities_.Get<admin::v1::DeadLetter>(key);
  if (stored == nullptr) {
    item.answer = NotFound(absl::StrCat("dead letter ", item.dead_letter_id));
    return absl::OkStatus();
  }
  if (stored->state() != admin::v1::DEAD_LETTER_STATE_OPEN) {
    item.answer =
        ForbiddenMove("DEAD_LETTER_NOT_OPEN", item.dead_letter_id, "was retried or skipped before");
    // After a commit of unknown outcome nobody has begun with what follows it.
    if (stored->parked()) fills_.push_back({stored->topic(), stored->tenant(), stored->key()});
    return absl::OkStatus();
  }
  admin::v1::DeadLetter letter = *stored;
  letter.set_state(item.skip ? admin::v1::DEAD_LETTER_STATE_SKIPPED
                             : admin::v1::DEAD_LETTER_STATE_RETRIED);
  if (letter.parked()) {
    const StreamRef stream{letter.topic(), letter.tenant(), letter.key()};
    auto [it, inserted] = positions_.try_emplace(stream);
    if (inserted) RETURN_IF_ERROR(LoadPosition(stream, &it->second));
    Position& position = it->second;
    position.parked = false;
    position.dirty = true;
    if (item.skip) position.MoveTo(std::max(position.version, letter.version()));
    fills_.push_back(stream);
  } else if (!item.skip) {
    again_.push_back(letter);
  }
  touched_.insert(letter.partition());  // its holder goes on with what follows
  events::v1::DeadLetterReleased event;
  *event.mutable_dead_letter() = letter;
  Decision decision;
  decision.Emit(key, std::move(event), now_);
  decision.Put(key, letter);
  RETURN_IF_ERROR(TakeOver(decision, item));
  item.fate = Item::Fate::kApplied;
  letter.clear_value();
  item.answer = Reply{letter.SerializeAsString(), false};
  return absl::OkStatus();
}

// One that was tried again, and not set aside again: nothing is left to do for it.
void Batch::MarkTaken(const Item& item) {
  const bool taken = item.fate == Item::Fate::kApplied || item.fate == Item::Fate::kPassed;
  if (item.dead_letter_id.empty() || !taken) return;
  const EntityKey key{DeadLetterClass().cls, "", item.dead_letter_id};
  const auto* stored = entities_.Get<admin::v1::DeadLetter>(key);
  if (stored == nullptr || stored->state() != admin::v1::DEAD_LETTER_STATE_RETRIED) return;
  admin::v1::DeadLetter letter = *stored;
  letter.set_state(admin::v1::DEAD_LETTER_STATE_APPLIED);
  entities_.Put(key, std::make_shared<admin::v1::DeadLetter>(std::move(letter)));
}

}  // namespace watchbell::engine
