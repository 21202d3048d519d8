#include "common/runtime/admin_http.h"

#include <httplib.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/address.h"
#include "common/runtime/version.h"

namespace watchbell::runtime {
namespace {

constexpr int kThreads = 2;

class HttplibAdmin final : public AdminHttp {
 public:
  explicit HttplibAdmin(AdminHandlers handlers) : handlers_(std::move(handlers)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    // The library's default also sets SO_REUSEPORT, with which a taken port goes unnoticed.
    server_.set_socket_options([](socket_t sock) {
      const int yes = 1;
      setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_keep_alive_timeout(1);  // an idle connection must not hold a stop up
    AddRoutes();
  }

  ~HttplibAdmin() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(const std::string& listen) {
    ASSIGN_OR_RETURN(const auto address, config::ParseListen("admin.listen", listen));
    const auto& [host, port] = address;
    port_ =
        port == 0 ? server_.bind_to_any_port(host) : (server_.bind_to_port(host, port) ? port : -1);
    if (port_ <= 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", listen,
                                                 " (admin.listen): another process has the port, ",
                                                 "or the address is not this machine's"));
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // stop() has no effect before the loop runs, so nobody may get hold of this object earlier.
    while (!server_.is_running()) std::this_thread::yield();
    return absl::OkStatus();
  }

  int port() const override { return port_; }

 private:
  void AddRoutes() {
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(handlers_.metrics(), "text/plain; version=0.0.4");
    });
    server_.Get("/livez", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const std::vector<std::string> reasons = handlers_.not_ready();
      response.status = reasons.empty() ? 200 : 503;
      const nlohmann::json body = {
          {"ready", reasons.empty()}, {"reasons", reasons}, {"producers", handlers_.producers()}};
      response.set_content(
          body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
          "application/json");
    });
    server_.Get("/version", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(VersionJson() + "\n", "application/json");
    });
  }

  const AdminHandlers handlers_;
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminHttp>> AdminHttp::Start(const std::string& listen,
                                                            AdminHandlers handlers) {
  auto admin = std::make_unique<HttplibAdmin>(std::move(handlers));
  if (absl::Status listening = admin->Listen(listen); !listening.ok()) return listening;
  return std::unique_ptr<AdminHttp>(std::move(admin));
}

}  // namespace watchbell::runtime
