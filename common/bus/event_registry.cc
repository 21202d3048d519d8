#include "common/bus/event_registry.h"

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/descriptor_database.h"
#include "watchbell/events/v1/options.pb.h"

namespace watchbell::bus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

struct EventKind {
  const Message* prototype;
  std::string data_schema;
};
using EventKinds = absl::flat_hash_map<std::string, EventKind>;

// FNV-1a over the declaration, so that every change of it shows.
uint64_t RevisionOf(const FileDescriptor& file) {
  google::protobuf::FileDescriptorProto declaration;
  file.CopyTo(&declaration);
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : declaration.SerializeAsString()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

void AddEventsOf(const FileDescriptor& file, EventKinds* kinds) {
  for (int i = 0; i < file.message_type_count(); ++i) {
    const Descriptor& message = *file.message_type(i);
    const std::string& type = EventTypeOf(message);
    if (type.empty()) continue;
    const std::string schema =
        absl::StrCat("https://watchbell.io/schemas/", message.full_name(),
                     "?revision=", absl::Hex(RevisionOf(file), absl::kZeroPad16));
    (*kinds)[type] = {MessageFactory::generated_factory()->GetPrototype(&message), schema};
  }
}

EventKinds* FindEvents() {
  auto* kinds = new EventKinds;
  // The pool builds a file only when asked for it by name; its database knows all names.
  std::vector<std::string> files;
  DescriptorPool::internal_generated_database()->FindAllFileNames(&files);
  for (const std::string& name : files) {
    const FileDescriptor* file = DescriptorPool::generated_pool()->FindFileByName(name);
    if (file != nullptr) AddEventsOf(*file, kinds);
  }
  return kinds;
}

const EventKinds& Kinds() {
  static const EventKinds* const kinds = FindEvents();
  return *kinds;
}

}  // namespace

const std::string& EventTypeOf(const Descriptor& descriptor) {
  return descriptor.options().GetExtension(events::v1::event_type);
}

const std::string& DataSchemaOf(const std::string& type) {
  static const std::string* const none = new std::string;
  auto kind = Kinds().find(type);
  return kind == Kinds().end() ? *none : kind->second.data_schema;
}

absl::StatusOr<std::shared_ptr<const Message>> DecodeEvent(const std::string& type,
                                                           const std::string& payload) {
  auto kind = Kinds().find(type);
  if (kind == Kinds().end()) {
    return WithReason(absl::StatusCode::kUnimplemented, "UNKNOWN_TYPE",
                      absl::StrCat("events of type ", type, " are not known to this program"));
  }
  std::shared_ptr<Message> message(kind->second.prototype->New());
  if (!message->ParseFromString(payload)) {
    return WithReason(absl::StatusCode::kInvalidArgument, "BAD_PAYLOAD",
                      absl::StrCat("the payload is no ", message->GetTypeName()));
  }
  return message;
}

}  // namespace watchbell::bus
