// A network between a client and PostgreSQL that can be made to fail in every way a network can.
#pragma once

#include <list>
#include <string>
#include <thread>

#include "common/base/mutex.h"

namespace watchbell::db {

// Passes connections to 127.0.0.1:PORT on to the server of a libpq URL, on a thread of its own.
class PostgresProxy {
 public:
  explicit PostgresProxy(const std::string& url);
  ~PostgresProxy();
  PostgresProxy(const PostgresProxy&) = delete;
  PostgresProxy& operator=(const PostgresProxy&) = delete;

  // The server's URL through this proxy.
  const std::string& url() const { return url_; }

  // New connections are closed at once, as while a server is down.
  void Refuse(bool refuse);
  // New connections are let in and hear nothing, as from a server that is frozen.
  void Starve(bool starve);
  // What the connections there are now send is kept back until Release, or comes to nothing if they
  // are Cut first.
  void HoldRequests();
  // What they would hear is kept back.
  void HoldAnswers();
  void Release();
  void Cut();

  // Waits until requests are kept back.
  void AwaitHeldRequests();

 private:
  struct Way {
    int from;
    int to;
    bool held = false;
    bool closed = false;  // `from` will say nothing more
    std::string waiting;
  };
  struct Link {
    Way requests, answers;
    bool dead = false;
  };

  void Run();
  void Accept() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static void Read(Way& way);
  static void Write(Way& way);
  void Wake();

  std::string url_;
  std::string host_;
  int port_;
  int listening_;
  int wake_[2];
  Mutex mu_;
  CondVar moved_;
  std::list<Link> links_ ABSL_GUARDED_BY(mu_);
  bool refuse_ ABSL_GUARDED_BY(mu_) = false;
  bool starve_ ABSL_GUARDED_BY(mu_) = false;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace watchbell::db
