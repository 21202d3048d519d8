#include "common/engine/packed_timer.h"

#include <algorithm>
#include <new>
#include <string>

namespace watchbell::engine {

PackedTimer::PackedTimer(const TimerKey& key)
    : cls_(key.entity.cls),
      tenant_size_(static_cast<uint32_t>(key.entity.tenant.size())),
      id_size_(static_cast<uint32_t>(key.entity.id.size())),
      name_size_(static_cast<uint32_t>(key.name.size())) {
  char* end = text();
  for (const std::string* part : {&key.entity.tenant, &key.entity.id, &key.name}) {
    end = std::copy(part->begin(), part->end(), end);
  }
}

PackedTimer::Ptr PackedTimer::Make(const TimerKey& key) {
  const size_t text = key.entity.tenant.size() + key.entity.id.size() + key.name.size();
  return Ptr(new (::operator new(sizeof(PackedTimer) + text)) PackedTimer(key));
}

void PackedTimer::Free::operator()(PackedTimer* timer) const {
  timer->~PackedTimer();
  ::operator delete(timer);
}

PackedTimer::Parts PackedTimer::View() const {
  const absl::string_view all(text(), size_t{tenant_size_} + id_size_ + name_size_);
  return {cls_, all.substr(0, tenant_size_), all.substr(tenant_size_, id_size_),
          all.substr(tenant_size_ + id_size_)};
}

TimerKey PackedTimer::Key() const {
  const auto& [cls, tenant, id, name] = View();
  return {{cls, std::string(tenant), std::string(id)}, std::string(name)};
}

}  // namespace watchbell::engine
