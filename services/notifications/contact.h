// What a person's contact points must look like.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "common/base/errors.h"
#include "watchbell/notifications/v1/notifications.pb.h"

namespace watchbell::notifications {

// Every fault of `contact` by field path below "contact"; empty if there is none. An address must
// fit its medium, and no point may be there twice.
std::vector<FieldViolation> CheckContact(const v1::Contact& contact);

// One plain ASCII mail address, local@domain: nothing that a mail header or an SMTP line could be
// broken with.
bool IsMailAddress(absl::string_view text);

// An absolute http or https address with a host and without user information (it would be stored
// and shown).
bool IsWebAddress(absl::string_view text);

// True if both name the same person, display name and points; versions are not compared.
bool SameContact(const v1::Contact& a, const v1::Contact& b);

}  // namespace watchbell::notifications
