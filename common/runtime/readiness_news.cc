#include "common/runtime/readiness_news.h"

#include <utility>

#include "absl/strings/ascii.h"

namespace watchbell::runtime {
namespace {

// Counts, offsets, times and ports change with every look.
std::string WithoutNumbers(const std::string& text) {
  std::string bare;
  for (const char c : text) {
    const char kept = absl::ascii_isdigit(static_cast<unsigned char>(c)) ? '0' : c;
    if (kept != '0' || bare.empty() || bare.back() != '0') bare.push_back(kept);
  }
  return bare;
}

}  // namespace

bool ReadinessNews::Tell(const std::vector<std::string>& reasons, absl::Duration now) {
  std::multiset<std::string> bare;
  for (const std::string& reason : reasons) bare.insert(WithoutNumbers(reason));
  if (told_.has_value()) {
    if (*told_ == bare) return false;
    const bool turns = told_->empty() || bare.empty();
    if (!turns && now - told_at_ < kApart) return false;
  }
  told_ = std::move(bare);
  told_at_ = now;
  return true;
}

}  // namespace watchbell::runtime
