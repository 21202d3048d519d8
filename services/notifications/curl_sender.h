// One libcurl handle of one thread: what mail and webhooks have in common. Only *_sender files
// include curl.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace watchbell::notifications {

// A list of header lines or recipients for curl; freed with this.
class CurlList {
 public:
  CurlList() = default;
  ~CurlList() { curl_slist_free_all(list_); }
  CurlList(const CurlList&) = delete;
  CurlList& operator=(const CurlList&) = delete;
  void Add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// What came back of one transfer.
struct CurlReply {
  CURLcode code = CURLE_OK;
  bool aborted = false;  // `stop` was set
  long status = 0;       // last HTTP or SMTP status; 0 = none came
  std::vector<std::string>
      lines;             // status and header lines, without line ends; the first few dozen
  int64_t uploaded = 0;  // bytes of the body that went out
  std::string error;     // what curl says went wrong
};

class CurlSender {
 public:
  CurlSender();
  ~CurlSender();
  CurlSender(const CurlSender&) = delete;
  CurlSender& operator=(const CurlSender&) = delete;

  // A handle with no options but the common ones: `url`, only these protocols ("http,https"),
  // limits of time, no signals, no redirects, no proxy unless given, a connection of its own (a
  // kept one that died would be retried behind our back and could tell the other side twice). Valid
  // until the next Prepare.
  CURL* Prepare(const std::string& url, const char* protocols, const std::string& proxy);

  // Blocks until the transfer is over or `stop` is set (seen within about a second).
  CurlReply Perform(const std::atomic<bool>& stop);

 private:
  CURL* handle_;
  char error_[CURL_ERROR_SIZE];
};

}  // namespace watchbell::notifications
