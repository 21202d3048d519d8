// One armed timer in one piece of memory: a million of them are kept. Internal to timer_index.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "common/engine/input.h"

namespace watchbell::engine {

// The texts of its key follow the object.
class PackedTimer {
 public:
  struct Free {
    void operator()(PackedTimer* timer) const;
  };
  using Ptr = std::unique_ptr<PackedTimer, Free>;

  // For sets that are asked for keys without packing them.
  struct Hash {
    using is_transparent = void;
    template <typename T>
    size_t operator()(const T& timer) const {
      return absl::HashOf(View(timer));
    }
  };
  struct Same {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return View(a) == View(b);
    }
  };

  static Ptr Make(const TimerKey& key);
  PackedTimer(const PackedTimer&) = delete;
  PackedTimer& operator=(const PackedTimer&) = delete;

  TimerKey Key() const;

  int64_t due = 0;        // microseconds since 1970
  uint64_t sequence = 0;  // of arming

 private:
  using Parts = std::tuple<int, absl::string_view, absl::string_view, absl::string_view>;

  explicit PackedTimer(const TimerKey& key);
  Parts View() const;
  static Parts View(const Ptr& timer) { return timer->View(); }
  static Parts View(const TimerKey& key) {
    return {key.entity.cls, key.entity.tenant, key.entity.id, key.name};
  }
  char* text() { return reinterpret_cast<char*>(this + 1); }
  const char* text() const { return reinterpret_cast<const char*>(this + 1); }

  const int32_t cls_;
  const uint32_t tenant_size_;
  const uint32_t id_size_;
  const uint32_t name_size_;
};

}  // namespace watchbell::engine
