#include "services/watchbell/demo_mail_sink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace watchbell::cli {
namespace {

constexpr size_t kMaxWaiting = 4 << 20;  // bytes of one connection not yet worked on

// One SMTP session; bytes in, replies out.
class Session {
 public:
  explicit Session(const std::function<void(const SinkMail&)>& on_mail) : on_mail_(on_mail) {}

  // The replies to what these bytes complete; sets `quit` after QUIT.
  std::string Take(absl::string_view bytes, bool* quit) {
    waiting_.append(bytes.data(), bytes.size());
    std::string replies;
    for (size_t end = waiting_.find("\r\n"); end != std::string::npos && !*quit;
         end = waiting_.find("\r\n")) {
      const std::string line = waiting_.substr(0, end);
      waiting_.erase(0, end + 2);
      replies += in_data_ ? DataLine(line) : CommandLine(line, quit);
    }
    if (waiting_.size() > kMaxWaiting) *quit = true;
    return replies;
  }

 private:
  std::string CommandLine(const std::string& line, bool* quit) {
    const std::string verb = absl::AsciiStrToUpper(line.substr(0, line.find_first_of(" :")));
    if (verb == "EHLO") return "250-watchbell-demo\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
    if (verb == "HELO" || verb == "NOOP") return "250 fine\r\n";
    if (verb == "MAIL" || verb == "RSET") {
      mail_ = SinkMail();
      return "250 fine\r\n";
    }
    if (verb == "RCPT") {
      const size_t begin = line.find('<'), end = line.find('>');
      if (begin == std::string::npos || end == std::string::npos || end < begin)
        return "501 no address\r\n";
      mail_.to = line.substr(begin + 1, end - begin - 1);
      return "250 fine\r\n";
    }
    if (verb == "DATA") {
      in_data_ = in_headers_ = true;
      header_.clear();
      return "354 go on, end with a dot\r\n";
    }
    if (verb == "QUIT") {
      *quit = true;
      return "221 bye\r\n";
    }
    return "502 not here\r\n";
  }

  std::string DataLine(const std::string& line) {
    if (line == ".") {
      EndHeader();
      in_data_ = false;
      on_mail_(mail_);
      return "250 taken\r\n";
    }
    if (!in_headers_) return "";
    if (!line.empty() && (line[0] == ' ' || line[0] == '\t')) {
      header_ += line;  // a folded one goes on
      return "";
    }
    EndHeader();
    header_ = line;
    in_headers_ = !line.empty();
    return "";
  }

  void EndHeader() {
    const std::vector<std::string> parts = absl::StrSplit(header_, absl::MaxSplits(':', 1));
    header_.clear();
    if (parts.size() != 2) return;
    const std::string value(absl::StripAsciiWhitespace(parts[1]));
    if (absl::EqualsIgnoreCase(parts[0], "Subject")) mail_.subject = value;
    if (absl::EqualsIgnoreCase(parts[0], "X-Watchbell-Delivery")) mail_.delivery_id = value;
  }

  const std::function<void(const SinkMail&)>& on_mail_;
  std::string waiting_;
  SinkMail mail_;
  bool in_data_ = false;
  bool in_headers_ = false;
  std::string header_;
};

class PollingSink : public MailSink {
 public:
  explicit PollingSink(std::function<void(const SinkMail&)> on_mail)
      : on_mail_(std::move(on_mail)) {}

  ~PollingSink() override {
    if (thread_.joinable()) {
      (void)!write(wake_[1], "x", 1);
      thread_.join();
    }
    for (const Connection& connection : connections_) close(connection.fd);
    for (const int fd : {listener_, wake_[0], wake_[1]}) {
      if (fd >= 0) close(fd);
    }
  }

  absl::Status Listen() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener_ < 0 || pipe2(wake_, O_CLOEXEC) != 0 ||
        bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 16) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return absl::ErrnoToStatus(errno, "the demo's mail server cannot listen on 127.0.0.1");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Loop(); });
    return absl::OkStatus();
  }

  int port() const override { return port_; }

 private:
  struct Connection {
    int fd;
    Session session;
  };

  void Loop() {
    while (true) {
      std::vector<pollfd> waits = {{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const Connection& connection : connections_) waits.push_back({connection.fd, POLLIN, 0});
      if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
      if (waits[0].revents != 0) return;
      size_t i = 2;
      for (auto it = connections_.begin(); it != connections_.end(); ++i) {
        if (waits[i].revents != 0 && !Read(*it)) {
          close(it->fd);
          it = connections_.erase(it);
        } else {
          ++it;
        }
      }
      if (waits[1].revents != 0) Accept();
    }
  }

  void Accept() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    connections_.push_back({fd, Session(on_mail_)});
    Send(fd, "220 watchbell-demo ESMTP\r\n");
  }

  // False if the connection is over.
  bool Read(Connection& connection) {
    char bytes[16 << 10];
    const ssize_t got = recv(connection.fd, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    bool quit = false;
    const std::string replies = connection.session.Take({bytes, static_cast<size_t>(got)}, &quit);
    return Send(connection.fd, replies) && !quit;
  }

  static bool Send(int fd, absl::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  const std::function<void(const SinkMail&)> on_mail_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  int port_ = 0;
  std::list<Connection> connections_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MailSink>> MailSink::Start(
    std::function<void(const SinkMail&)> on_mail) {
  auto sink = std::make_unique<PollingSink>(std::move(on_mail));
  if (absl::Status listening = sink->Listen(); !listening.ok()) return listening;
  return sink;
}

}  // namespace watchbell::cli
