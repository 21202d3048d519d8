// A ticket's tags: which are taken, and how a list of them is kept and told.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace watchbell::tickets {

using TagList = google::protobuf::RepeatedPtrField<std::string>;

// INVALID_ARGUMENT naming `path`[i] for a tag that shows nothing or holds a control character or a
// line break. How many and how long they may be is a rule of the request.
absl::Status CheckTags(const TagList& given, absl::string_view path);

// Sorted by bytes, each once.
TagList Sorted(TagList tags);

// As events tell them: one a line. No tag holds a line break, so two lists never read the same.
std::string TagsText(const TagList& tags);

}  // namespace watchbell::tickets
