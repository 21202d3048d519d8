#include "common/base/fingerprint.h"

#include <string>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace watchbell {

uint64_t FingerprintOf(const google::protobuf::MessageLite& message, uint64_t hash) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return Fnv1a(bytes, hash);
}

}  // namespace watchbell
