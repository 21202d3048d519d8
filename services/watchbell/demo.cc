#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/watchbell/command.h"
#include "services/watchbell/demo_scene.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/local_process.h"
#include "services/watchbell/replayer.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::cli {
namespace {

constexpr char kWebhookSecret[] = "demo-secret";

// How this program was called, for the commands to copy.
std::string ProgramPath() {
  std::error_code failed;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return "watchbell";
  const std::filesystem::path near = std::filesystem::proximate(self, failed);
  return failed || near.string().size() > self.string().size() ? self.string() : near.string();
}

class DemoRun {
 public:
  explicit DemoRun(bool stay) : screen_(STDOUT_FILENO), stay_(stay) {}

  absl::Status Run() {
    Title("Five services in one process, on a data folder of their own");
    RETURN_IF_ERROR(Start());
    Title("A desk's history: a sample log is imported as if from another tool");
    RETURN_IF_ERROR(ReplaySample());
    Title("Live: an alert storm at 4 seconds to first response");
    RETURN_IF_ERROR(scene_->Prepare());
    RETURN_IF_ERROR(scene_->Play());
    Title("What the imported history says");
    screen_.Raw(ReportText(*log_, result_.tally, result_.figures));
    RETURN_IF_ERROR(ShowSummary());
    return Close();
  }

 private:
  void Title(absl::string_view text) {
    screen_.Line(absl::StrCat("\n", screen_.Paint(Colour::kBold, text)));
  }

  absl::Status Start() {
    ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Make());
    folder_.emplace(std::move(folder));
    // The view is made with the process's client, so mails could come before it is there: they
    // cannot, nobody is paged.
    ASSIGN_OR_RETURN(mail_sink_,
                     MailSink::Start([this](const SinkMail& mail) { view_->Arrived(mail); }));
    ASSIGN_OR_RETURN(
        webhook_sink_,
        WebhookSink::Start(kWebhookSecret, [this](const SinkHook& hook) { view_->Arrived(hook); }));
    const std::map<std::string, std::string> settings = {
        {"smtp.url", absl::StrCat("smtp://127.0.0.1:", mail_sink_->port())},
        {"smtp.tls", "off"},
        {"smtp.from", "watchbell@desk.example"},
        {"webhook.secret", kWebhookSecret}};
    ASSIGN_OR_RETURN(process_, StartLocal("watchbell demo", folder_->path(), settings, clock_));
    client_ = process_->InProcessClient();
    view_ = std::make_unique<DemoView>(*client_, clock_, screen_);
    scene_ = std::make_unique<DemoScene>(*client_, clock_, *view_,
                                         absl::StrCat("http://127.0.0.1:", webhook_sink_->port()));
    screen_.Line(absl::StrCat("gRPC on 127.0.0.1:", process_->grpc_port(),
                              ", metrics on http://127.0.0.1:", process_->admin_port(),
                              "/metrics, data in ", folder_->path()));
    return absl::OkStatus();
  }

  absl::Status ReplaySample() {
    const std::string path = absl::StrCat(folder_->path(), "/sample_log.csv");
    std::ofstream out(path, std::ios::binary);
    out << Embedded("sample_log.csv");
    out.close();
    if (!out) return absl::ResourceExhaustedError(absl::StrCat("cannot write ", path));
    ASSIGN_OR_RETURN(AuditLog log, ReadAuditLog(path, [](int64_t) { return !Interrupted(); }));
    log_.emplace(std::move(log));
    ASSIGN_OR_RETURN(result_, Replayer(*client_, {}, clock_, screen_,
                                       EmbeddedMessage<sla::v1::PolicyFile>("replay_policy.json"))
                                  .Run(*log_));
    return absl::OkStatus();
  }

  absl::Status ShowSummary() {
    analytics::v1::GetDeskSummaryResponse summary;
    RETURN_IF_ERROR(client_->Call("watchbell.analytics.v1.AnalyticsService/GetDeskSummary",
                                  analytics::v1::GetDeskSummaryRequest(), &summary));
    screen_.Line(absl::StrCat("\nThe desk now: ", summary.total().opened(), " tickets, ",
                              summary.total().backlog(), " unresolved; escalations: ",
                              summary.runs_started(), ", pages: ", summary.pages_requested(),
                              ", messages taken: ", summary.deliveries().sent(), "."));
    return absl::OkStatus();
  }

  absl::Status Close() {
    const std::string program = ProgramPath();
    const std::string target = absl::StrCat("127.0.0.1:", stay_ ? process_->grpc_port() : 7700);
    const std::string call = absl::StrCat("  ", program, " call --target=", target, " ");
    Title("Go on from here");
    if (!stay_)
      screen_.Line(
          "  ./dev run        # serves on 127.0.0.1:7700 until Ctrl-C; then, in another terminal:");
    screen_.Line(absl::StrCat(
        call, "TicketService/CreateTicket '{\"type\": \"TICKET_TYPE_INCIDENT\", \"title\": ",
        "\"The till is down\", \"impact\": \"IMPACT_HIGH\", \"urgency\": \"URGENCY_HIGH\"}'"));
    screen_.Line(absl::StrCat(call, "TicketService/ListTickets '{\"page_size\": 3}'"));
    if (stay_) {
      screen_.Line(
          absl::StrCat(call, "SlaService/ListClocks '{\"ticket\": \"", scene_->ticket(), "\"}'"));
      screen_.Line(absl::StrCat(call, "NotificationService/ListDeliveries '{\"ticket\": \"",
                                scene_->ticket(), "\"}'"));
    }
    screen_.Line(absl::StrCat(call, "AnalyticsService/GetDeskSummary"));
    screen_.Line(absl::StrCat("  grpcurl -plaintext ", target, " list    # if grpcurl is there"));
    screen_.Line(absl::StrCat("  ", program, " help"));
    if (!stay_) return absl::OkStatus();
    screen_.Line("\nStill serving. Ctrl-C ends it and leaves nothing behind.");
    while (Pause(clock_, absl::Milliseconds(200)).ok()) {
      RETURN_IF_ERROR(view_->Look());
    }
    return absl::OkStatus();
  }

  SystemClock clock_;
  Screen screen_;
  const bool stay_;
  // In the order of their needs: the process ends first, the folder goes last.
  std::optional<TemporaryFolder> folder_;
  std::unique_ptr<DemoView> view_;
  std::unique_ptr<MailSink> mail_sink_;
  std::unique_ptr<WebhookSink> webhook_sink_;
  std::unique_ptr<runtime::Process> process_;
  std::unique_ptr<rpc::Client> client_;
  std::unique_ptr<DemoScene> scene_;
  std::optional<AuditLog> log_;
  ReplayResult result_;
};

}  // namespace

int Demo(const Arguments& arguments) {
  const absl::StatusOr<config::Config> options = config::Config::Load(
      {{"stay", "auto", "go on serving at the end: auto (on a terminal), yes or no"}}, arguments,
      {});
  if (!options.ok()) return Misused(options.status());
  const std::string& stay = options->Get("stay");
  if (!options->rest().empty()) return WrongUse("demo", "there is nothing to say but flags");
  if (stay != "auto" && stay != "yes" && stay != "no")
    return WrongUse("demo", "--stay is auto, yes or no");
  CatchInterrupts();
  const absl::Status played =
      DemoRun(stay == "yes" || (stay == "auto" && isatty(STDOUT_FILENO) == 1)).Run();
  if (played.ok()) return 0;
  if (Interrupted()) {
    Screen(STDOUT_FILENO).Line("\nInterrupted. Nothing is left of it.");
    return 130;
  }
  return Fail(played);
}

}  // namespace watchbell::cli
