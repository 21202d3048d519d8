#include "services/sla/fingerprint.h"

#include <string>

#include "common/engine/hash.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace watchbell::sla {

uint64_t FingerprintOf(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // maps in order
    message.SerializeToCodedStream(&coded);
  }
  return engine::Fnv1a(bytes);
}

}  // namespace watchbell::sla
