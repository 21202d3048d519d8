// The tickets service as the engine sees it: which file decides which input.
#pragma once

#include <vector>

#include "common/engine/decider.h"

namespace watchbell::tickets {

class TicketsDecider : public engine::Decider {
 public:
  const std::vector<engine::EntityClass>& classes() const override;
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override;
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override;
  void Index(const engine::EntityKey& key, const google::protobuf::Message& state,
             engine::IndexWriter& writer) const override;
};

}  // namespace watchbell::tickets
