// The tickets service as the engine sees it: which file decides which input.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/engine/decider.h"

namespace watchbell::tickets {

class TicketsDecider : public engine::Decider {
 public:
  // `raw_tenant`: of alerts on the raw topic that name none.
  explicit TicketsDecider(std::string raw_tenant = "default")
      : raw_tenant_(std::move(raw_tenant)) {}

  const std::vector<engine::EntityClass>& classes() const override;
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override;
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override;
  absl::StatusOr<engine::RawInput> ReadRaw(const bus::Record& record) const override;
  void Index(const engine::EntityKey& key, const google::protobuf::Message* before,
             const google::protobuf::Message& after, engine::IndexWriter& writer) const override;

 private:
  const std::string raw_tenant_;
};

}  // namespace watchbell::tickets
