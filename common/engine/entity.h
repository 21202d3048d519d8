// State as the engine sees it: entities of a few classes, each a protobuf message under (class,
// tenant, id).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "google/protobuf/message.h"

namespace watchbell::engine {

struct EntityKey {
  int cls = 0;  // a class id of the service; the order of classes is the locking order
  std::string tenant;
  std::string id;

  friend auto operator<=>(const EntityKey&, const EntityKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const EntityKey& key) {
    return H::combine(std::move(h), key.cls, key.tenant, key.id);
  }
};

// One class of entities.
struct EntityClass {
  int cls;
  std::string name;  // aggregate type in the journal, for example "widget"
  const google::protobuf::Message* prototype;  // of its state; static
  std::string topic;                           // where its events go; "" = journaled, not published
  bool reference = false;  // read by many, changed rarely: parsed once per version
};

}  // namespace watchbell::engine
