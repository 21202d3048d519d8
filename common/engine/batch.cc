#include "common/engine/batch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/fingerprint.h"
#include "common/base/hash.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/bus/event_registry.h"
#include "common/engine/dead_letters.h"
#include "common/engine/leases.h"
#include "common/engine/tables.h"
#include "common/telemetry/log.h"

namespace watchbell::engine {
namespace {

constexpr size_t kMaxEventBytes = 256 * 1024;
constexpr int kMaxRounds = 16;  // of NeedsMore: each must ask for something new

bool Remembers(const Input& input) {
  return input.kind == Input::Kind::kCommand && !input.idempotent_by_state;
}

// The same request has the same fingerprint in any process.
int64_t Fingerprint(const Input& input) {
  const uint64_t hash = FingerprintOf(*input.message, Fnv1a(input.message->GetTypeName()));
  return static_cast<int64_t>(Fnv1a(input.identity.subject, hash));
}

}  // namespace

absl::Status Batch::Run(absl::Span<Item> items, const Marks& marks) {
  ASSIGN_OR_RETURN(transaction_, context_.parts.database.Begin());
  for (Item& item : items) {
    item.fate = Item::Fate::kUndecided;
    item.answer = Reply{};
    item.input.now = now_;
    if (context_.parts.leases != nullptr) item.input.replica = context_.parts.leases->replica();
    if (item.input.id.empty()) item.input.id = context_.parts.ids.NewUuid(now_);
    if (Remembers(item.input) && item.input.request_id.empty()) {
      item.input.request_id = item.input.id;
    }
  }
  RETURN_IF_ERROR(LoadAll(items, marks));
  for (size_t i = 0; i < items.size(); ++i) {
    behind_ = items.subspan(i + 1);
    RETURN_IF_ERROR(DecideItem(items[i]));
  }
  RETURN_IF_ERROR(Store(marks));
  bus::Publisher* publisher = context_.parts.publisher;
  if (publisher != nullptr && !rows_.empty()) publisher->Committing();
  const absl::Status committed = transaction_->Commit();
  if (!committed.ok() && publisher != nullptr && !rows_.empty()) publisher->Abandoned();
  RETURN_IF_ERROR(committed);
  if (numbers_ > 0) after_ = transaction_->SequenceBase();
  for (journal::JournalRow& row : rows_) row.sequence += after_;
  return absl::OkStatus();
}

// Those whose leases are to be held until the commit.
std::set<int> Batch::ShardsOf(absl::Span<const Item> items, const Marks& marks) const {
  std::set<int> shards;
  if (context_.parts.leases == nullptr) return shards;
  for (const Item& item : items) {
    if (item.shard >= 0) shards.insert(item.shard);
  }
  for (const auto& [shard, sequence] : marks.relayed) shards.insert(shard);
  for (const auto& [topic_shard, position] : marks.reached) shards.insert(topic_shard.second);
  return shards;
}

absl::Status Batch::LoadAll(absl::Span<const Item> items, const Marks& marks) {
  const std::set<int> shards = ShardsOf(items, marks);
  std::vector<EntityKey> keys;
  std::vector<db::Row> leases;
  for (const int shard : shards) leases.push_back({int64_t{shard}});
  std::vector<db::Row> positions;
  std::vector<db::Row> answers;
  std::vector<db::Row> timers;
  for (const Item& item : items) {
    if (item.kind == Item::Kind::kRelease) {
      keys.push_back({DeadLetterClass().cls, "", item.dead_letter_id});
      continue;
    }
    if (!item.dead_letter_id.empty()) {
      keys.push_back({DeadLetterClass().cls, "", item.dead_letter_id});
    }
    if (item.unreadable.ok()) {
      std::vector<EntityKey> needs = context_.parts.decider.Needs(item.input);
      std::move(needs.begin(), needs.end(), std::back_inserter(keys));
    }
    if (item.IsEvent() && item.has_envelope && positions_.try_emplace(item.Stream()).second) {
      positions.push_back(
          {item.input.topic, item.input.envelope.tenant, item.input.envelope.subject});
    }
    if (Remembers(item.input)) {
      answers.push_back({item.input.identity.tenant, item.input.request_id});
    }
    if (item.IsTimer()) timers.push_back(TimerKeyRow(item.input.timer));
  }
  // Everything in one round trip; locks in one order: leases, entities, the rest.
  std::vector<db::KeySet> sets;
  sets.push_back({&LeaseTable(), std::move(leases), db::Lock::kShare});
  for (db::KeySet& set : entities_.Missing(std::move(keys))) sets.push_back(std::move(set));
  const size_t rest = sets.size();
  sets.push_back({&StreamPositionTable(), std::move(positions)});
  sets.push_back({&AnswerTable(), std::move(answers)});
  sets.push_back({&TimerTable(), std::move(timers)});
  ASSIGN_OR_RETURN(const auto found, transaction_->LoadAll(sets));
  for (const int shard : shards) fenced_.insert(shard);
  for (const db::Row& row : found[0]) TakeLease(row);
  for (size_t i = 1; i < rest; ++i) RETURN_IF_ERROR(entities_.TakeAll(found[i]));
  for (const db::Row& row : found[rest]) {
    positions_[{db::AsText(row[0]), db::AsText(row[1]), db::AsText(row[2])}].Take(row);
  }
  for (const db::Row& row : found[rest + 1]) {
    answers_[{db::AsText(row[0]), db::AsText(row[1])}] = {db::AsInt(row[2]), db::AsBytes(row[3]),
                                                          false};
  }
  for (const db::Row& row : found[rest + 2]) {
    const TimerKey key{
        {static_cast<int>(db::AsInt(row[0])), db::AsText(row[1]), db::AsText(row[2])},
        db::AsText(row[3])};
    armed_[key] = {absl::FromUnixMicros(db::AsInt(row[4])), db::AsText(row[5])};
  }
  return absl::OkStatus();
}

void Batch::TakeLease(const db::Row& row) {
  const int shard = static_cast<int>(db::AsInt(row[0]));
  const auto ours = context_.epochs.find(shard);
  const bool held = ours != context_.epochs.end() && ours->second == db::AsInt(row[3]) &&
                    db::AsText(row[1]) == context_.parts.leases->replica();
  if (held) fenced_.erase(shard);
}

absl::Status Batch::DecideItem(Item& item) {
  if (item.kind == Item::Kind::kRelease) return DecideRelease(item);
  if (fenced_.count(item.shard) > 0) {
    item.fate = Item::Fate::kFenced;
    return absl::OkStatus();
  }
  switch (item.input.kind) {
    case Input::Kind::kCommand:
      return DecideCommand(item);
    case Input::Kind::kEvent:
      RETURN_IF_ERROR(DecideEvent(item));
      MarkTaken(item);
      return absl::OkStatus();
    case Input::Kind::kTimer:
      return DecideTimer(item);
    case Input::Kind::kOutcome: {
      absl::Status refusal;
      RETURN_IF_ERROR(Apply(item, &refusal, nullptr));
      item.fate = refusal.ok() ? Item::Fate::kApplied : Item::Fate::kPassed;
      return absl::OkStatus();
    }
  }
  return absl::InternalError("an input of no kind");
}

absl::Status Batch::DecideCommand(Item& item) {
  const Input& input = item.input;
  item.fate = Item::Fate::kAnswered;
  if (now_ > input.deadline) {
    item.answer = WithReason(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                             "the deadline passed before the command's turn; nothing was done");
    return absl::OkStatus();
  }
  const AnswerKey key{input.identity.tenant, input.request_id};
  const bool remembers = Remembers(input);
  const int64_t fingerprint = remembers ? Fingerprint(input) : 0;
  if (auto known = answers_.find(key); remembers && known != answers_.end()) {
    if (known->second.fingerprint == fingerprint) {
      item.answer = Reply{known->second.response, true};
    } else {
      item.answer = WithReason(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED",
                               "request_id: was used before with another request");
    }
    return absl::OkStatus();
  }
  absl::Status refusal;
  std::string reply;
  RETURN_IF_ERROR(Apply(item, &refusal, &reply));
  if (!refusal.ok()) {
    item.answer = refusal;
    return absl::OkStatus();
  }
  item.fate = Item::Fate::kApplied;
  if (remembers) answers_[key] = {fingerprint, reply, true};
  item.answer = Reply{std::move(reply), false};
  return absl::OkStatus();
}

absl::Status Batch::DecideRaw(Item& item) {
  item.fate = Item::Fate::kPassed;
  const EntityKey letter_key{DeadLetterClass().cls, "", item.dead_letter_id};
  const bool again = !item.dead_letter_id.empty();
  if (again) {
    // Tried again because an operator said so, and only once for that.
    const auto* letter = entities_.Get<admin::v1::DeadLetter>(letter_key);
    if (letter == nullptr || letter->state() != admin::v1::DEAD_LETTER_STATE_RETRIED) {
      return absl::OkStatus();
    }
  } else {
    // A commit of unknown outcome was one: its records come again.
    const auto stored = context_.topic_positions.find({item.record->topic, item.record->shard});
    const bool done = stored != context_.topic_positions.end() &&
                      std::pair(item.record->sequence, item.record->offset) <
                          std::pair(stored->second.sequence, stored->second.next_offset);
    if (done) return absl::OkStatus();
  }
  absl::Status refusal = item.unreadable;
  if (refusal.ok()) refusal = item.condemned;
  if (refusal.ok()) RETURN_IF_ERROR(Apply(item, &refusal, nullptr));
  if (refusal.ok()) refusal = item.bad_part;
  if (!refusal.ok()) {
    RETURN_IF_ERROR(SetAside(item, false, refusal));
  } else {
    item.fate = Item::Fate::kApplied;
  }
  Progress(item);
  return absl::OkStatus();
}

absl::Status Batch::DecideEvent(Item& item) {
  if (item.raw) return DecideRaw(item);
  if (!item.has_envelope) {
    RETURN_IF_ERROR(SetAside(item, false, item.unreadable));
    Progress(item);
    return absl::OkStatus();
  }
  Position& position = positions_[item.Stream()];
  const int64_t version = item.input.envelope.version;
  item.fate = Item::Fate::kPassed;
  if (version <= position.version || position.parked) {
    // The key went on by the journal, or waits for an operator; what came garbled is told.
    if (item.IsCopy() && !item.unreadable.ok() && !position.parked) {
      RETURN_IF_ERROR(SetAside(item, false, item.unreadable));
    }
    if (position.parked && version > position.behind) {
      position.behind = version;
      position.dirty = true;
    }
    Progress(item);
    return absl::OkStatus();
  }
  const bool hole = version > position.version + 1;
  if (!item.unfillable && (hole || (item.IsCopy() && !item.unreadable.ok()))) {
    // The journal is the truth: what is missing, or cannot be read here, is looked up there.
    fills_.push_back(item.Stream());
    item.fate = Item::Fate::kDeferred;
    HoldBack(item);
    return absl::OkStatus();
  }
  if (item.IsCopy() && (hole || !item.unreadable.ok())) {
    // The producer knows nothing of it: whoever wrote it harms no key.
    const absl::Status stray =
        WithReason(absl::StatusCode::kDataLoss, "NOT_IN_JOURNAL",
                   absl::StrCat("the producer's journal has no such version of ",
                                item.input.envelope.subject));
    RETURN_IF_ERROR(SetAside(item, false, item.unreadable.ok() ? stray : item.unreadable));
    Progress(item);
    return absl::OkStatus();
  }
  absl::Status refusal = item.unreadable;
  if (refusal.ok()) refusal = item.condemned;
  if (refusal.ok() && hole) {
    refusal =
        WithReason(absl::StatusCode::kDataLoss, "HOLE_IN_JOURNAL",
                   absl::StrCat("the producer's journal lacks version ", position.version + 1));
  }
  if (refusal.ok()) RETURN_IF_ERROR(Apply(item, &refusal, nullptr));
  if (refusal.ok()) {
    item.fate = Item::Fate::kApplied;
    position.MoveTo(version);
  } else {
    RETURN_IF_ERROR(SetAside(item, true, refusal));
    position.parked = true;
    position.behind = std::max(position.behind, version);
  }
  position.dirty = true;
  Progress(item);
  return absl::OkStatus();
}

absl::Status Batch::DecideTimer(Item& item) {
  const TimerKey& key = item.input.timer;
  auto row = armed_.find(key);
  auto changed = timers_.find(key);
  const bool armed = changed != timers_.end()
                         ? changed->second.due == item.input.due
                         : row != armed_.end() && row->second.due == item.input.due;
  item.fate = Item::Fate::kPassed;
  if (!armed) {
    // Fired before, or moved: the index must not offer it again as it is.
    if (changed == timers_.end()) {
      timers_[key] = row == armed_.end() ? Timer{} : row->second;
    }
    return absl::OkStatus();
  }
  // An event of its stream was deferred just now: the timer stays armed and waits for it.
  const bool lacks = std::any_of(fills_.begin(), fills_.end(), [&key](const StreamRef& stream) {
    return stream.tenant == key.entity.tenant && stream.stream_id == key.entity.id;
  });
  if (lacks && !item.input.ungated) {
    item.fate = Item::Fate::kDeferred;
    return absl::OkStatus();
  }
  item.input.traceparent =
      changed != timers_.end() ? changed->second.traceparent : row->second.traceparent;
  timers_[key] = Timer{};
  absl::Status refusal;
  RETURN_IF_ERROR(Apply(item, &refusal, nullptr));
  if (refusal.ok()) {
    item.fate = Item::Fate::kApplied;
  } else {
    telemetry::Log(telemetry::Level::kError, "a timer was refused and is gone",
                   {{"service", context_.options.service},
                    {"timer", key.name},
                    {"id", key.entity.id},
                    {"error", std::string(refusal.message())}});
  }
  return absl::OkStatus();
}

absl::Status Batch::Apply(Item& item, absl::Status* refusal, std::string* reply) {
  const Decider& decider = context_.parts.decider;
  Decision decision = decider.Decide(entities_, item.input);
  for (int round = 0; !decision.more().empty(); ++round) {
    const bool something_new =
        std::any_of(decision.more().begin(), decision.more().end(),
                    [this](const EntityKey& k) { return !entities_.Loaded(k); });
    if (round == kMaxRounds || !something_new) {
      return absl::InternalError("a decider asks for more without end");
    }
    RETURN_IF_ERROR(entities_.Load(*transaction_, WithWantedBehind(decision.more())));
    decision = decider.Decide(entities_, item.input);
  }
  *refusal = decision.error();
  for (const NewEvent& event : decision.events()) {
    if (refusal->ok() && event.payload->ByteSizeLong() > kMaxEventBytes) {
      *refusal = WithReason(absl::StatusCode::kInvalidArgument, "EVENT_TOO_LARGE",
                            "the event of this command would be larger than 256 KiB");
    }
  }
  if (!refusal->ok()) return absl::OkStatus();
  if (reply != nullptr) *reply = decision.reply();
  return TakeOver(decision, item);
}

// What the inputs behind will ask for, as far as it can be told by now, comes in the same round
// trip.
std::vector<EntityKey> Batch::WithWantedBehind(std::vector<EntityKey> keys) {
  if (looks_ahead_ == 0) return keys;
  --looks_ahead_;
  for (const Item& item : behind_) {
    if (!WillBeDecided(item)) continue;
    const Decision decision = context_.parts.decider.Decide(entities_, item.input);
    keys.insert(keys.end(), decision.more().begin(), decision.more().end());
  }
  return keys;
}

// Whether its turn will come, unless something before it changes that.
bool Batch::WillBeDecided(const Item& item) const {
  if (item.kind == Item::Kind::kRelease || fenced_.count(item.shard) > 0) return false;
  if (item.IsTimer()) {
    const auto row = armed_.find(item.input.timer);
    return row != armed_.end() && row->second.due == item.input.due;
  }
  if (item.input.message == nullptr || !item.unreadable.ok() || !item.condemned.ok()) return false;
  if (!item.IsEvent() || item.raw) return true;
  const auto position = positions_.find(item.Stream());
  return item.has_envelope && position != positions_.end() && !position->second.parked &&
         item.input.envelope.version == position->second.version + 1;
}

absl::Status Batch::TakeOver(const Decision& decision, const Item& item) {
  for (const EntityKey& key : decision.created()) {
    if (!entities_.Create(key)) {
      return absl::InternalError(absl::StrCat("a decider created ", key.id, ", which exists"));
    }
  }
  for (const auto& [key, state] : decision.writes()) {
    if (!entities_.Loaded(key)) {
      return absl::InternalError(
          absl::StrCat("a decider wrote ", key.id, " without asking for it"));
    }
    entities_.Put(key, state);
  }
  for (const NewEvent& event : decision.events()) {
    if (!entities_.Loaded(event.stream)) {
      return absl::InternalError(
          absl::StrCat("a decider emitted on ", event.stream.id, " without asking for it"));
    }
    Journal(event, item);
  }
  for (const TimerChange& change : decision.timers()) {
    timers_[change.key] = {change.due, item.input.traceparent};
    touched_.insert(ShardOf(change.key.entity.id, context_.options.shards));
  }
  effects_.insert(effects_.end(), decision.effects().begin(), decision.effects().end());
  return absl::OkStatus();
}

void Batch::Journal(const NewEvent& event, const Item& item) {
  const Input& input = item.input;
  journal::JournalRow row;
  row.sequence = ++numbers_;  // of this transaction, until it is committed
  row.event_id = context_.parts.ids.NewUuid(now_);
  row.aggregate = context_.classes.Of(event.stream.cls).name;
  row.tenant = event.stream.tenant;
  row.stream_id = event.stream.id;
  row.version = entities_.NextVersion(event.stream);
  row.shard = ShardOf(row.stream_id, context_.options.shards);
  touched_.insert(row.shard);
  row.type = bus::EventTypeOf(*event.payload->GetDescriptor());
  row.payload = event.payload->SerializeAsString();
  row.occurred_at = event.occurred_at;
  row.recorded_at = now_;
  row.source_recorded_at = event.source_recorded_at;
  row.actor = event.actor.empty() ? input.identity.subject : event.actor;
  row.traceparent = input.traceparent;
  row.causation_id = item.has_envelope ? input.envelope.id : input.id;
  row.correlation_id = item.has_envelope && !input.envelope.correlation_id.empty()
                           ? input.envelope.correlation_id
                           : row.causation_id;
  rows_.push_back(std::move(row));
}

}  // namespace watchbell::engine
