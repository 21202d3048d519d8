// Identity of an alert, and of what groups alerts: a versioned 128-bit hash over length-prefixed
// fields.
//
// The hash is FNV-1a with 128 bits (offset basis 6c62272e07bb014262b821756295c58d, prime 2^88 + 2^8
// + 0x3b) over each field as its length in 8 bytes, big endian, then its bytes; written as 32 hex
// digits, most significant first. Fields of a fingerprint: "1", tenant, integration, then name and
// value of every label that is not empty, by name.
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace watchbell::tickets {

using Labels = std::map<std::string, std::string>;

// "1:" and 32 hex digits. An empty value is the same as no label.
std::string AlertFingerprint(absl::string_view tenant, absl::string_view integration,
                             const Labels& labels);

// <integration>/<32 hex digits>: alerts with equal group labels share a ticket. Severity is left
// out, so that the warning and the critical twin of one trouble do.
std::string CorrelationId(absl::string_view tenant, const std::string& integration,
                          const Labels& group_labels);

}  // namespace watchbell::tickets
