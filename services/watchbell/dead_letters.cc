#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/proto_time.h"
#include "services/watchbell/command.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::cli {
namespace {

constexpr char kService[] = "watchbell.admin.v1.AdminService/";

const char* StateName(admin::v1::DeadLetterState state) {
  switch (state) {
    case admin::v1::DEAD_LETTER_STATE_OPEN:
      return "open";
    case admin::v1::DEAD_LETTER_STATE_RETRIED:
      return "retried";
    case admin::v1::DEAD_LETTER_STATE_SKIPPED:
      return "skipped";
    case admin::v1::DEAD_LETTER_STATE_APPLIED:
      return "applied";
    default:
      return "unknown";
  }
}

// What is known of where it came from: a record of another system has no sequence, version or type.
std::string WhereFrom(const admin::v1::DeadLetter& letter) {
  std::string text = absl::StrCat(letter.topic(), " partition ", letter.partition());
  if (letter.has_offset()) absl::StrAppend(&text, " offset ", letter.offset());
  if (letter.sequence() > 0) absl::StrAppend(&text, " sequence ", letter.sequence());
  if (!letter.key().empty()) absl::StrAppend(&text, ", key ", letter.key());
  if (letter.version() > 0) absl::StrAppend(&text, ", version ", letter.version());
  if (!letter.type().empty()) absl::StrAppend(&text, ", ", letter.type());
  return text;
}

void Print(const admin::v1::DeadLetter& letter) {
  std::cout << letter.service() << " " << letter.dead_letter_id() << "  "
            << StateName(letter.state()) << (letter.parked() ? ", parked" : "") << "\n"
            << "    " << WhereFrom(letter) << "\n"
            << "    " << letter.reason() << ": " << letter.message() << "\n"
            << "    first seen "
            << absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", FromProto(letter.first_seen_at()),
                                absl::UTCTimeZone())
            << ", tried " << letter.attempts() << " times\n";
}

int List(rpc::Client& client, const config::Config& options) {
  admin::v1::ListDeadLettersRequest request;
  request.set_service(options.Get("service"));
  request.set_all(options.Get("all") == "true");
  admin::v1::ListDeadLettersResponse response;
  const absl::Status listed = client.Call(absl::StrCat(kService, "ListDeadLetters"), request,
                                          &response, ClientOptions(options));
  if (!listed.ok()) return Fail(listed);
  for (const admin::v1::DeadLetter& letter : response.dead_letters()) Print(letter);
  if (response.dead_letters().empty()) std::cout << "No dead letters.\n";
  return 0;
}

template <typename Request>
int Settle(rpc::Client& client, const config::Config& options, const std::string& method) {
  Request request;
  request.set_service(options.rest()[1]);
  request.set_dead_letter_id(options.rest()[2]);
  admin::v1::DeadLetter letter;
  const absl::Status settled =
      client.Call(absl::StrCat(kService, method), request, &letter, ClientOptions(options));
  if (!settled.ok()) return Fail(settled);
  Print(letter);
  return 0;
}

}  // namespace

int DeadLetters(const Arguments& arguments) {
  std::vector<config::Key> keys = ClientKeys();
  keys.push_back({"service", "", "one service only"});
  keys.push_back({"all", "false", "also those retried or skipped"});
  const absl::StatusOr<config::Config> options = LoadOptions(keys, arguments);
  if (!options.ok()) return Misused(options.status());
  const std::vector<std::string>& words = options->rest();
  const std::unique_ptr<rpc::Client> client = rpc::Connect(options->Get("target"));
  if (words == Arguments{"list"}) return List(*client, *options);
  if (words.size() == 3 && words[0] == "retry") {
    return Settle<admin::v1::RetryDeadLetterRequest>(*client, *options, "RetryDeadLetter");
  }
  if (words.size() == 3 && words[0] == "skip") {
    return Settle<admin::v1::SkipDeadLetterRequest>(*client, *options, "SkipDeadLetter");
  }
  return WrongUse("dead-letters", "say list, retry SERVICE ID or skip SERVICE ID");
}

}  // namespace watchbell::cli
