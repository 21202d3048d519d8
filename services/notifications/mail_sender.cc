#include "services/notifications/mail_sender.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/notifications/curl_sender.h"
#include "services/notifications/mail.h"

namespace watchbell::notifications {
namespace {

constexpr long kGoAhead = 354;  // the server waits for the text

struct Upload {
  absl::string_view rest;
};

size_t OnRead(char* buffer, size_t size, size_t count, void* user) {
  absl::string_view& rest = static_cast<Upload*>(user)->rest;
  const size_t length = std::min(size * count, rest.size());
  std::memcpy(buffer, rest.data(), length);
  rest.remove_prefix(length);
  return length;
}

long UseSsl(SmtpOptions::Tls tls) {
  switch (tls) {
    case SmtpOptions::Tls::kOff:
      return CURLUSESSL_NONE;
    case SmtpOptions::Tls::kRequire:
      return CURLUSESSL_ALL;
    default:
      return CURLUSESSL_TRY;
  }
}

// The server's last line with the status that decided, or what curl says.
std::string Said(const CurlReply& reply) {
  const std::string status = absl::StrCat(reply.status);
  if (reply.code == CURLE_OK || reply.status >= 400) {
    for (auto line = reply.lines.rbegin(); line != reply.lines.rend(); ++line) {
      if (absl::StartsWith(*line, status)) return *line;
    }
  }
  return reply.code == CURLE_OK ? status : reply.error;
}

// 5xx of commands that are about this mail; those about login or encryption are about us.
bool Refused(const CurlReply& reply) {
  const bool about_login =
      reply.status == 530 || reply.status == 534 || reply.status == 535 || reply.status == 538;
  return (reply.code == CURLE_SEND_ERROR || reply.code == CURLE_WEIRD_SERVER_REPLY) &&
         reply.status >= 500 && reply.status < 600 && !about_login;
}

class MailTransport : public Transport {
 public:
  MailTransport(const SmtpOptions& options, Clock& clock) : options_(options), clock_(clock) {}

  SendResult Send(const v1::Delivery& delivery, const std::atomic<bool>& stop) override {
    const std::string mail = WriteMail(delivery, options_.from, clock_.Now());
    Upload upload{mail};
    CurlList recipients;
    recipients.Add(absl::StrCat("<", delivery.address(), ">"));
    CURL* const curl = sender_.Prepare(options_.url, "smtp,smtps", /*proxy=*/"");
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, absl::StrCat("<", options_.from, ">").c_str());
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
    curl_easy_setopt(curl, CURLOPT_USE_SSL, UseSsl(options_.tls));
    if (!options_.user.empty()) {
      curl_easy_setopt(curl, CURLOPT_USERNAME, options_.user.c_str());
      curl_easy_setopt(curl, CURLOPT_PASSWORD, options_.password.c_str());
    }
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, OnRead);
    curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
    const CurlReply reply = sender_.Perform(stop);
    if (reply.code == CURLE_OK) return {SendResult::Kind::kTaken, Said(reply)};
    if (!reply.aborted && Refused(reply)) return {SendResult::Kind::kRefused, Said(reply)};
    return {reply.aborted ? SendResult::Kind::kAborted : SendResult::Kind::kTryAgain, Said(reply),
            reply.status == kGoAhead && upload.rest.empty()};
  }

 private:
  const SmtpOptions options_;
  Clock& clock_;
  CurlSender sender_;
};

}  // namespace

std::unique_ptr<Transport> MakeMailTransport(const SmtpOptions& options, Clock& clock) {
  return std::make_unique<MailTransport>(options, clock);
}

}  // namespace watchbell::notifications
