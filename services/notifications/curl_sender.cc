#include "services/notifications/curl_sender.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "services/notifications/sender_pool.h"

namespace watchbell::notifications {
namespace {

constexpr long kConnectLimitMs = 5'000;
constexpr size_t kReplyLinesMax = 50;
constexpr size_t kReplyBodyMax = 64 * 1024;

struct Transfer {
  const std::atomic<bool>& stop;
  CurlReply reply;
  size_t body_bytes = 0;
};

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& lines = static_cast<Transfer*>(user)->reply.lines;
  if (lines.size() < kReplyLinesMax) {
    lines.emplace_back(absl::StripAsciiWhitespace(absl::string_view(data, size * count)));
  }
  return size * count;
}

// The body is not looked at; one without end is cut off, which ends the transfer: its status has
// come by then.
size_t OnBody(char*, size_t size, size_t count, void* user) {
  size_t& bytes = static_cast<Transfer*>(user)->body_bytes;
  bytes += size * count;
  return bytes > kReplyBodyMax ? 0 : size * count;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->stop ? 1 : 0;
}

}  // namespace

CurlSender::CurlSender() {
  // Not thread-safe itself; a function's static is made once.
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  handle_ = kReady == CURLE_OK ? curl_easy_init() : nullptr;
  if (handle_ == nullptr) std::abort();  // out of memory, or a libcurl that cannot start
  error_[0] = '\0';
}

CurlSender::~CurlSender() { curl_easy_cleanup(handle_); }

CURL* CurlSender::Prepare(const std::string& url, const char* protocols, const std::string& proxy) {
  curl_easy_reset(handle_);
  error_[0] = '\0';
  curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, protocols);
  curl_easy_setopt(handle_, CURLOPT_PROXY, proxy.c_str());
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle_, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(handle_, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, kConnectLimitMs);
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(kSendLimit)));
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, "watchbell");
  return handle_;
}

CurlReply CurlSender::Perform(const std::atomic<bool>& stop) {
  Transfer transfer{stop, {}};
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle_, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(handle_, CURLOPT_XFERINFODATA, &transfer);
  CurlReply& reply = transfer.reply;
  reply.code = curl_easy_perform(handle_);
  reply.aborted = reply.code == CURLE_ABORTED_BY_CALLBACK;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &reply.status);
  curl_off_t uploaded = 0;
  curl_easy_getinfo(handle_, CURLINFO_SIZE_UPLOAD_T, &uploaded);
  reply.uploaded = uploaded;
  if (reply.code != CURLE_OK)
    reply.error = error_[0] != '\0' ? error_ : curl_easy_strerror(reply.code);
  return std::move(reply);
}

}  // namespace watchbell::notifications
