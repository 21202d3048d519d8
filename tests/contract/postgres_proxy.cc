#include "tests/contract/postgres_proxy.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <regex>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace watchbell::db {
namespace {

// A server on this machine; -1 if it cannot be reached.
int ConnectTo(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found) != 0) return -1;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  if (connected) return fd;
  close(fd);
  return -1;
}

}  // namespace

PostgresProxy::PostgresProxy(const std::string& url) {
  static const std::regex* const shape =
      new std::regex("(postgres(?:ql)?://(?:[^@/]*@)?)([^:/?]+):([0-9]+)(.*)");
  std::smatch parts;
  if (!std::regex_match(url, parts, *shape)) ADD_FAILURE() << "no URL with host and port: " << url;
  host_ = parts[2];
  EXPECT_TRUE(absl::SimpleAtoi(parts[3].str(), &port_));

  listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listening_, 64), 0);
  EXPECT_EQ(getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_EQ(pipe(wake_), 0);
  url_ = absl::StrCat(parts[1].str(), "127.0.0.1:", ntohs(address.sin_port), parts[4].str());
  thread_ = std::thread([this] { Run(); });
}

PostgresProxy::~PostgresProxy() {
  {
    MutexLock lock(mu_);
    stop_ = true;
  }
  Wake();
  thread_.join();
  for (const Link& link : links_) {
    close(link.requests.from);
    close(link.requests.to);
  }
  close(listening_);
  close(wake_[0]);
  close(wake_[1]);
}

void PostgresProxy::Wake() { EXPECT_EQ(write(wake_[1], "x", 1), 1); }

void PostgresProxy::Refuse(bool refuse) {
  MutexLock lock(mu_);
  refuse_ = refuse;
}

void PostgresProxy::Starve(bool starve) {
  MutexLock lock(mu_);
  starve_ = starve;
}

void PostgresProxy::HoldRequests() {
  MutexLock lock(mu_);
  for (Link& link : links_) link.requests.held = true;
}

void PostgresProxy::HoldAnswers() {
  MutexLock lock(mu_);
  for (Link& link : links_) link.answers.held = true;
}

void PostgresProxy::Release() {
  {
    MutexLock lock(mu_);
    for (Link& link : links_) link.requests.held = link.answers.held = false;
  }
  Wake();
}

void PostgresProxy::Cut() {
  {
    MutexLock lock(mu_);
    for (Link& link : links_) link.dead = true;
  }
  Wake();
}

void PostgresProxy::AwaitHeldRequests() {
  MutexLock lock(mu_);
  while (true) {
    for (const Link& link : links_) {
      if (link.requests.held && !link.requests.waiting.empty()) return;
    }
    moved_.Wait(mu_);
  }
}

void PostgresProxy::Accept() {
  const int client = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = refuse_ ? -1 : ConnectTo(host_, port_);
  if (server < 0) {
    close(client);
    return;
  }
  links_.push_back({Way{client, server, starve_}, Way{server, client, starve_}});
}

void PostgresProxy::Read(Way& way) {
  char bytes[16384];
  const ssize_t size = recv(way.from, bytes, sizeof(bytes), MSG_DONTWAIT);
  if (size > 0) {
    way.waiting.append(bytes, size);
  } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
    way.closed = true;
  }
}

void PostgresProxy::Write(Way& way) {
  if (way.held) return;
  while (!way.waiting.empty()) {
    const ssize_t size =
        send(way.to, way.waiting.data(), way.waiting.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size <= 0) break;
    way.waiting.erase(0, size);
  }
  if (way.closed && way.waiting.empty()) shutdown(way.to, SHUT_WR);
}

void PostgresProxy::Run() {
  while (true) {
    std::vector<pollfd> sockets = {{listening_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    {
      MutexLock lock(mu_);
      if (stop_) return;
      for (auto link = links_.begin(); link != links_.end();) {
        const bool done = link->requests.closed && link->answers.closed &&
                          link->requests.waiting.empty() && link->answers.waiting.empty();
        if (link->dead || done) {
          close(link->requests.from);
          close(link->requests.to);
          link = links_.erase(link);
          continue;
        }
        for (const Way* way : {&link->requests, &link->answers}) {
          sockets.push_back({way->closed ? -1 : way->from, POLLIN, 0});
          const bool full = !way->held && !way->waiting.empty();
          sockets.push_back({full ? way->to : -1, POLLOUT, 0});
        }
        ++link;
      }
    }
    poll(sockets.data(), sockets.size(), -1);
    char byte;
    if (sockets[1].revents != 0) {
      EXPECT_EQ(read(wake_[0], &byte, 1), 1);
    }
    MutexLock lock(mu_);
    if (sockets[0].revents != 0) Accept();
    for (Link& link : links_) {
      for (Way* way : {&link.requests, &link.answers}) {
        if (!way->closed) Read(*way);
        Write(*way);
      }
    }
    moved_.NotifyAll();
  }
}

}  // namespace watchbell::db
