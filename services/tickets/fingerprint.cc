#include "services/tickets/fingerprint.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace watchbell::tickets {
namespace {

constexpr char kVersion[] = "1";
constexpr char kSeverityLabel[] = "severity";

class Fnv128 {
 public:
  void Field(absl::string_view field) {
    const uint64_t size = field.size();
    for (int shift = 56; shift >= 0; shift -= 8) Byte(static_cast<uint8_t>(size >> shift));
    for (const char c : field) Byte(static_cast<uint8_t>(c));
  }
  std::string Hex() const {
    return absl::StrFormat("%016x%016x", static_cast<uint64_t>(hash_ >> 64),
                           static_cast<uint64_t>(hash_));
  }

 private:
  using Word = unsigned __int128;
  static constexpr Word kPrime = (Word{1} << 88) + (Word{1} << 8) + 0x3b;

  void Byte(uint8_t byte) {
    hash_ ^= byte;
    hash_ *= kPrime;
  }

  Word hash_ = (Word{0x6c62272e07bb0142ULL} << 64) | 0x62b821756295c58dULL;
};

void AddLabels(const Labels& labels, absl::string_view without, Fnv128* hash) {
  for (const auto& [name, value] : labels) {
    if (value.empty() || name == without) continue;
    hash->Field(name);
    hash->Field(value);
  }
}

}  // namespace

std::string AlertFingerprint(absl::string_view tenant, absl::string_view integration,
                             const Labels& labels) {
  Fnv128 hash;
  hash.Field(kVersion);
  hash.Field(tenant);
  hash.Field(integration);
  AddLabels(labels, "", &hash);
  return absl::StrCat(kVersion, ":", hash.Hex());
}

std::string CorrelationId(absl::string_view tenant, const std::string& integration,
                          const Labels& group_labels) {
  Fnv128 hash;
  hash.Field("correlation");
  hash.Field(tenant);
  hash.Field(integration);
  AddLabels(group_labels, kSeverityLabel, &hash);
  return absl::StrCat(integration, "/", hash.Hex());
}

}  // namespace watchbell::tickets
