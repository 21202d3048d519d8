// The real sender against real sockets: an HTTP server and a small SMTP server in this process.
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/notifications/delivery_sender.h"
#include "services/notifications/webhook.h"
#include "watchbell/notifications/state/v1/state.pb.h"

namespace watchbell::notifications {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

// A queue between a server's threads and the test.
template <typename T>
class Mailbox {
 public:
  void Put(T item) {
    MutexLock lock(mu_);
    items_.push_back(std::move(item));
    changed_.NotifyAll();
  }
  T Await() {
    MutexLock lock(mu_);
    while (items_.empty()) changed_.Wait(mu_);
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  bool empty() {
    MutexLock lock(mu_);
    return items_.empty();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::deque<T> items_ ABSL_GUARDED_BY(mu_);
};

// A listening socket on a free port of 127.0.0.1.
struct Listener {
  Listener() {
    fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(fd, 8), 0);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port = ntohs(address.sin_port);
  }
  ~Listener() { close(fd); }
  int fd;
  int port;
};

// Speaks enough SMTP to take mails, one connection after the other. `replies` overrides what it
// says to a command, by its first word ("MAIL", "RCPT", "." for the end of the text); "" hangs up
// instead.
class SmtpServer {
 public:
  explicit SmtpServer(std::map<std::string, std::string> replies = {})
      : replies_(std::move(replies)), thread_([this] { Serve(); }) {}
  ~SmtpServer() {
    shutdown(listener_.fd, SHUT_RDWR);
    thread_.join();
  }
  std::string url() const { return absl::StrCat("smtp://127.0.0.1:", listener_.port); }

  Mailbox<std::string> mails;      // the text between DATA and "."
  Mailbox<std::string> envelopes;  // RCPT lines

 private:
  void Serve() {
    for (int fd = accept(listener_.fd, nullptr, nullptr); fd >= 0;
         fd = accept(listener_.fd, nullptr, nullptr)) {
      Converse(fd);
      close(fd);
    }
  }
  bool Say(int fd, const std::string& word, const std::string& usual) {
    const auto found = replies_.find(word);
    const std::string& reply = found == replies_.end() ? usual : found->second;
    const std::string line = reply + "\r\n";
    return !reply.empty() &&
           send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
  }
  void Converse(int fd) {
    std::string buffer;
    const auto until = [fd, &buffer](const std::string& mark, std::string* text) {
      size_t at = buffer.find(mark);
      while (at == std::string::npos) {
        char chunk[4096];
        const ssize_t got = read(fd, chunk, sizeof chunk);
        if (got <= 0) return false;
        buffer.append(chunk, static_cast<size_t>(got));
        at = buffer.find(mark);
      }
      *text = buffer.substr(0, at);
      buffer.erase(0, at + mark.size());
      return true;
    };
    std::string line;
    bool open = Say(fd, "greeting", "220 sink");
    while (open && until("\r\n", &line)) {
      const std::string word = line.substr(0, 4);
      if (word == "RCPT") envelopes.Put(line);
      if (word == "DATA") {
        std::string mail;
        open = Say(fd, word, "354 go ahead") && until("\r\n.\r\n", &mail);
        if (open) mails.Put(mail);
        open = open && Say(fd, ".", "250 2.0.0 queued");
      } else {
        open = Say(fd, word, word == "QUIT" ? "221 bye" : "250 ok");
      }
    }
  }

  const std::map<std::string, std::string> replies_;
  Listener listener_;
  std::thread thread_;
};

// A webhook receiver that answers with the statuses it was given, 200 when there are no more.
class HttpServer {
 public:
  explicit HttpServer(std::deque<int> statuses = {}) : statuses_(std::move(statuses)) {
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      response.status = 200;
      {
        MutexLock lock(mu_);
        if (!statuses_.empty()) {
          response.status = statuses_.front();
          statuses_.pop_front();
        }
      }
      if (response.status == 302) response.set_header("Location", "/elsewhere");
      requests.Put(request);
    });
    server_.Post("/endless", [](const httplib::Request&, httplib::Response& response) {
      response.set_chunked_content_provider("text/plain", [](size_t, httplib::DataSink& sink) {
        const std::string junk(4096, 'x');
        return sink.write(junk.data(), junk.size());
      });
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~HttpServer() {
    server_.stop();
    thread_.join();
  }
  std::string url(const std::string& path = "/hook") const {
    return absl::StrCat("http://127.0.0.1:", port_, path);
  }

  Mailbox<httplib::Request> requests;

 private:
  Mutex mu_;
  std::deque<int> statuses_ ABSL_GUARDED_BY(mu_);
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

class NotificationSenderTest : public ::testing::Test {
 protected:
  static v1::Delivery Sample(v1::Medium medium, const std::string& address) {
    v1::Delivery delivery;
    delivery.set_delivery_id(
        absl::StrCat("inc-7/run/1/1/1/ana/", medium == v1::MEDIUM_EMAIL ? "email1" : "webhook1"));
    delivery.set_page_id("inc-7/run/1/1/1/ana");
    delivery.set_ticket_id("inc-7");
    delivery.set_person("ana");
    delivery.set_medium(medium);
    delivery.set_address(address);
    delivery.set_attempts(1);
    delivery.set_subject("[P1] inc-7 Payment API down");
    delivery.set_body("Ticket: inc-7\n\n.dotted\n");
    delivery.set_traceparent(kTraceparent);
    return delivery;
  }
  void Start(const std::string& smtp_url = "smtp://127.0.0.1:1") {
    SenderOptions options;
    options.smtp.url = smtp_url;
    options.smtp.from = "watchbell@example.com";
    options.webhook.secret = "whsec_test";
    sender_ = std::make_unique<DeliverySender>(options, clock_, [this](engine::Input input) {
      outcomes_.Put(*input.As<state::v1::DeliveryOutcome>());
      return absl::OkStatus();
    });
  }
  void Claim(const v1::Delivery& delivery) {
    sender_->Run({{{2, "default", delivery.ticket_id()},
                   std::make_shared<v1::Delivery>(delivery),
                   kTraceparent}});
  }
  state::v1::DeliveryOutcome Send(const v1::Delivery& delivery) {
    if (sender_ == nullptr) Start();
    Claim(delivery);
    return outcomes_.Await();
  }
  state::v1::DeliveryOutcome SendMail(const SmtpServer& server) {
    Start(server.url());
    return Send(Sample(v1::MEDIUM_EMAIL, "ana@example.com"));
  }

  FakeClock clock_{kNow};
  Mailbox<state::v1::DeliveryOutcome> outcomes_;
  std::unique_ptr<DeliverySender> sender_;
};

TEST_F(NotificationSenderTest, AWebhookIsSignedAndTaken) {
  HttpServer server;
  const state::v1::DeliveryOutcome outcome = Send(Sample(v1::MEDIUM_WEBHOOK, server.url()));
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.result(), "HTTP 200");
  EXPECT_EQ(outcome.attempt(), 1);
  const httplib::Request request = server.requests.Await();
  EXPECT_EQ(request.get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(request.get_header_value("Watchbell-Delivery"), "inc-7/run/1/1/1/ana/webhook1");
  EXPECT_EQ(request.get_header_value("Idempotency-Key"), "inc-7/run/1/1/1/ana/webhook1");
  EXPECT_EQ(request.get_header_value("traceparent"), kTraceparent);
  EXPECT_FALSE(request.has_header("Watchbell-Possible-Repeat"));
  EXPECT_EQ(request.get_header_value("Watchbell-Signature"),
            SignNotice("whsec_test", kNow, request.body));
  EXPECT_EQ(request.body, WriteNotice(Sample(v1::MEDIUM_WEBHOOK, server.url()), kNow));
}

TEST_F(NotificationSenderTest, AServerErrorIsPassing) {
  HttpServer server({500});
  v1::Delivery delivery = Sample(v1::MEDIUM_WEBHOOK, server.url());
  const state::v1::DeliveryOutcome failed = Send(delivery);
  EXPECT_FALSE(failed.ok());
  EXPECT_FALSE(failed.permanent());
  EXPECT_FALSE(failed.maybe_taken());
  EXPECT_EQ(failed.result(), "HTTP 500");
  delivery.set_attempts(2);
  delivery.set_possible_repeat(true);
  EXPECT_TRUE(Send(delivery).ok());
  server.requests.Await();
  EXPECT_EQ(server.requests.Await().get_header_value("Watchbell-Possible-Repeat"), "true");
}

TEST_F(NotificationSenderTest, HttpStatusesDecide) {
  struct Case {
    int status;
    bool permanent;
  };
  for (const Case& c : {Case{404, true},
                        {400, true},
                        {410, true},
                        {408, false},
                        {425, false},
                        {429, false},
                        {302, false},
                        {503, false}}) {
    HttpServer server({c.status});
    const state::v1::DeliveryOutcome outcome = Send(Sample(v1::MEDIUM_WEBHOOK, server.url()));
    EXPECT_FALSE(outcome.ok()) << c.status;
    EXPECT_EQ(outcome.permanent(), c.permanent) << c.status;
    EXPECT_EQ(outcome.result(), absl::StrCat("HTTP ", c.status));
    server.requests.Await();
    EXPECT_TRUE(server.requests.empty()) << "a redirect was followed";
  }
}

TEST_F(NotificationSenderTest, AnEndlessReplyIsCutOff) {
  HttpServer server;
  EXPECT_TRUE(Send(Sample(v1::MEDIUM_WEBHOOK, server.url("/endless"))).ok());
}

TEST_F(NotificationSenderTest, NobodyListening) {
  int free_port = 0;
  {
    const Listener gone;
    free_port = gone.port;
  }
  Start(absl::StrCat("smtp://127.0.0.1:", free_port));
  for (const v1::Delivery& delivery :
       {Sample(v1::MEDIUM_WEBHOOK, absl::StrCat("http://127.0.0.1:", free_port, "/")),
        Sample(v1::MEDIUM_EMAIL, "ana@example.com")}) {
    const state::v1::DeliveryOutcome outcome = Send(delivery);
    EXPECT_FALSE(outcome.ok());
    EXPECT_FALSE(outcome.permanent());
    EXPECT_FALSE(outcome.maybe_taken());
    EXPECT_THAT(outcome.result(), HasSubstr("Failed to connect"));
  }
}

TEST_F(NotificationSenderTest, AWebhookCutOffBeforeItsAnswerMayHaveBeenTaken) {
  Listener listener;
  std::thread server([&listener] {
    const int fd = accept(listener.fd, nullptr, nullptr);
    std::string seen;
    char chunk[4096];
    while (!absl::StrContains(seen, "sent_at")) {
      const ssize_t got = read(fd, chunk, sizeof chunk);
      if (got <= 0) break;
      seen.append(chunk, static_cast<size_t>(got));
    }
    close(fd);
  });
  const state::v1::DeliveryOutcome outcome =
      Send(Sample(v1::MEDIUM_WEBHOOK, absl::StrCat("http://127.0.0.1:", listener.port, "/")));
  server.join();
  EXPECT_FALSE(outcome.ok());
  EXPECT_FALSE(outcome.permanent());
  EXPECT_TRUE(outcome.maybe_taken());
}

TEST_F(NotificationSenderTest, AMailIsTaken) {
  SmtpServer server;
  const state::v1::DeliveryOutcome outcome = SendMail(server);
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.result(), "250 2.0.0 queued");
  EXPECT_EQ(server.envelopes.Await(), "RCPT TO:<ana@example.com>");
  const std::string mail = server.mails.Await();
  EXPECT_THAT(mail,
              StartsWith("From: Watchbell <watchbell@example.com>\r\nTo: <ana@example.com>\r\n"));
  EXPECT_THAT(mail, HasSubstr("\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n"));
  EXPECT_THAT(mail, HasSubstr("\r\nX-Watchbell-Delivery: inc-7/run/1/1/1/ana/email1\r\n"));
  EXPECT_THAT(
      mail,
      HasSubstr("\r\n\r\nTicket: inc-7\r\n\r\n..dotted"));  // stuffed on the wire (RFC 5321, 4.5.2)
}

TEST_F(NotificationSenderTest, SmtpRepliesDecide) {
  struct Case {
    std::string command;
    std::string reply;
    bool permanent;
  };
  for (const Case& c : {Case{"RCPT", "550 5.1.1 no such user", true},
                        {"RCPT", "451 4.3.0 try later", false},
                        {"MAIL", "550 5.7.1 not you", true},
                        {"MAIL", "530 5.7.0 log in first", false},
                        {".", "554 5.6.0 not this text", true},
                        {".", "452 4.2.2 full", false},
                        {"greeting", "421 4.3.2 closing", false}}) {
    SmtpServer server(std::map<std::string, std::string>{{c.command, c.reply}});
    const state::v1::DeliveryOutcome outcome = SendMail(server);
    EXPECT_FALSE(outcome.ok()) << c.reply;
    EXPECT_EQ(outcome.permanent(), c.permanent) << c.reply;
    EXPECT_FALSE(outcome.maybe_taken()) << c.reply;
    EXPECT_EQ(outcome.result(), c.reply);
  }
}

TEST_F(NotificationSenderTest, AMailCutOffBeforeItsAnswerMayHaveBeenTaken) {
  SmtpServer server(std::map<std::string, std::string>{{".", ""}});
  const state::v1::DeliveryOutcome outcome = SendMail(server);
  EXPECT_FALSE(outcome.ok());
  EXPECT_FALSE(outcome.permanent());
  EXPECT_TRUE(outcome.maybe_taken());
}

TEST_F(NotificationSenderTest, TheDestructorAbortsWhatHangs) {
  Listener silent;  // accepts in the kernel, never answers
  Start(absl::StrCat("smtp://127.0.0.1:", silent.port));
  Claim(Sample(v1::MEDIUM_EMAIL, "ana@example.com"));
  const int fd = accept(silent.fd, nullptr, nullptr);  // the sender is under way
  const auto before = std::chrono::steady_clock::now();
  sender_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before,
            std::chrono::seconds(10));  // far below the 20 s of a send
  EXPECT_TRUE(outcomes_.empty());
  close(fd);
}

// One host and one mail server hang at a stop: both are broken off together when the grace is over.
TEST(DeliverySenderStop, WhatHangsIsBrokenOffAfterTheGrace) {
  SystemClock clock;
  Mailbox<state::v1::DeliveryOutcome> outcomes;
  Listener silent;
  SenderOptions options;
  options.smtp.url = absl::StrCat("smtp://127.0.0.1:", silent.port);
  options.smtp.from = "watchbell@example.com";
  options.drain_grace = absl::ZeroDuration();
  DeliverySender sender(options, clock, [&outcomes](engine::Input input) {
    outcomes.Put(*input.As<state::v1::DeliveryOutcome>());
    input.done(engine::Reply{});
    return absl::OkStatus();
  });
  const auto claim = [&](v1::Medium medium, const std::string& address) {
    auto delivery = std::make_shared<v1::Delivery>();
    delivery->set_delivery_id(address);
    delivery->set_medium(medium);
    delivery->set_address(address);
    sender.Run({{{2, "default", "inc-7"}, delivery, ""}});
  };
  const std::string url = absl::StrCat("http://127.0.0.1:", silent.port, "/");
  claim(v1::MEDIUM_WEBHOOK, url);
  const int webhook = accept(silent.fd, nullptr, nullptr);
  std::string request;
  char byte = 0;
  while (!absl::EndsWith(request, "}") && recv(webhook, &byte, 1, 0) == 1) request += byte;
  claim(v1::MEDIUM_EMAIL, "ana@example.com");
  const int mail = accept(silent.fd, nullptr, nullptr);
  const auto before = std::chrono::steady_clock::now();
  sender.Drain();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10))
      << "far below the 20 s of a send";
  for (int i = 0; i < 2; ++i) {
    const state::v1::DeliveryOutcome outcome = outcomes.Await();
    EXPECT_TRUE(outcome.broken_off());
    EXPECT_EQ(outcome.maybe_taken(), outcome.delivery_id() == url) << "all of that one was out";
  }
  close(webhook);
  close(mail);
}

TEST(SenderOptionsTest, BadValuesNameTheirKey) {
  const auto read = [](const std::vector<std::string>& args) {
    const absl::StatusOr<config::Config> config = config::Config::Load(SenderKeys(), args, {});
    EXPECT_TRUE(config.ok()) << config.status();
    return ReadSenderOptions(*config).status();
  };
  EXPECT_TRUE(read({}).ok()) << read({});
  EXPECT_THAT(std::string(read({"--notifications-senders=0"}).message()),
              HasSubstr("notifications.senders"));
  EXPECT_THAT(std::string(read({"--smtp-url=http://x"}).message()), HasSubstr("smtp.url"));
  EXPECT_THAT(std::string(read({"--webhook-per-host=0"}).message()), HasSubstr("webhook.per_host"));
  EXPECT_THAT(std::string(read({"--drain-grace=-1"}).message()), HasSubstr("drain.grace"));
  EXPECT_THAT(std::string(read({"--smtp-from=nobody"}).message()), HasSubstr("smtp.from"));
  EXPECT_THAT(std::string(read({"--smtp-tls=maybe"}).message()), HasSubstr("smtp.tls"));
}

}  // namespace
}  // namespace watchbell::notifications
