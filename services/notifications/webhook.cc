#include "services/notifications/webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "google/protobuf/util/json_util.h"
#include "watchbell/notifications/v1/webhook.pb.h"

namespace watchbell::notifications {

std::string WriteNotice(const v1::Delivery& delivery, absl::Time sent_at) {
  v1::WebhookNotice notice;
  notice.set_delivery_id(delivery.delivery_id());
  notice.set_ticket(absl::StrCat("tickets/", delivery.ticket_id()));
  notice.set_person(delivery.person());
  notice.set_subject(delivery.subject());
  notice.set_body(delivery.body());
  notice.set_page(delivery.page_id());
  notice.set_attempt(delivery.attempts());
  notice.set_possible_repeat(delivery.possible_repeat());
  *notice.mutable_sent_at() = ToProto(sent_at);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  // Fails only for messages JSON cannot express (Any of unknown types); this is none.
  (void)google::protobuf::util::MessageToJsonString(notice, &json, options);
  return json;
}

std::string HostOf(absl::string_view url) {
  if (const size_t scheme = url.find("://"); scheme != absl::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  return absl::AsciiStrToLower(url.substr(0, url.find_first_of("/?#")));
}

std::string SignNotice(absl::string_view secret, absl::Time sent_at, absl::string_view body) {
  const std::string time = absl::StrCat(absl::ToUnixSeconds(sent_at));
  const std::string signed_text = absl::StrCat(time, ".", body);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), mac,
       &length);
  return absl::StrCat(
      "t=", time, ",v1=",
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(mac), length)));
}

}  // namespace watchbell::notifications
