// A service's domain, as the engine calls it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/db/db.h"
#include "common/engine/decision.h"
#include "common/engine/entity.h"
#include "common/engine/input.h"

namespace watchbell::engine {

// Rows beside the entities, derived from them, for queries.
class IndexWriter {
 public:
  virtual ~IndexWriter() = default;
  virtual void Upsert(const db::Table& table, db::Row row) = 0;
  virtual void Delete(const db::Table& table, db::Row key) = 0;
};

// What a record of a raw topic says.
struct RawInput {
  Identity identity;
  std::string traceparent;  // "" if unknown
  std::shared_ptr<const google::protobuf::Message> message;
  // Not OK: a part of the record is bad. The message, made of the rest, is applied, and the record
  // becomes a dead letter with this reason all the same.
  absl::Status bad_part;
};

// Pure: no I/O, no clock, no ids of its own making, no state between calls. Called on the
// committer's thread.
class Decider {
 public:
  virtual ~Decider() = default;

  virtual const std::vector<EntityClass>& classes() const = 0;

  // What the input must see. An event or timer the service does not care about answers with nothing
  // and an empty Decision.
  virtual std::vector<EntityKey> Needs(const Input& input) const = 0;
  virtual Decision Decide(const View& view, const Input& input) const = 0;

  // Reads a record of a raw topic (any key, any form); what it gives goes to Decide as an event of
  // that topic. An error with a listed reason: the record becomes a dead letter, nothing is held
  // back.
  virtual absl::StatusOr<RawInput> ReadRaw(const bus::Record& record) const {
    return absl::UnimplementedError(record.topic);
  }

  // Index rows of an entity that changed, from its states before (null: it is new) and after the
  // batch: rows that are the same need not be written again. Tables are the service's own
  // migrations'.
  virtual void Index(const EntityKey& key, const google::protobuf::Message* before,
                     const google::protobuf::Message& after, IndexWriter& writer) const {
    (void)key, (void)before, (void)after, (void)writer;
  }
};

// Carries out effects. Run is called on the committer's thread after the commit and must not block;
// outcomes come back through Engine::Submit with Kind::kOutcome.
class EffectRunner {
 public:
  virtual ~EffectRunner() = default;
  virtual void Run(std::vector<Effect> effects) = 0;
  // Called on any thread before the engine stops, while it still takes outcomes: finishes what is
  // under way and begins nothing more, what comes to Run meanwhile and later included. Blocks until
  // that is so, for a bounded time.
  virtual void Drain() {}
};

}  // namespace watchbell::engine
