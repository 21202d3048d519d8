// What a client that knows nothing of us finds: health and reflection, by their wire form.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "google/protobuf/wrappers.pb.h"
#include "tests/unit/rpc/fixture.h"

namespace watchbell::rpc {
namespace {

using ::testing::HasSubstr;

constexpr int kServing = 1;
constexpr int kNotServing = 2;

class DiscoveryTest : public RpcTest {
 protected:
  // HealthCheckRequest {string service = 1} and -Response {enum status = 1} have the wire form of
  // these wrappers.
  int Health(const std::string& service) {
    google::protobuf::StringValue request;
    request.set_value(service);
    google::protobuf::Int32Value response;
    const absl::Status status = client_->Call("grpc.health.v1.Health/Check", request, &response);
    return status.ok() ? response.value() : -static_cast<int>(status.code());
  }

  // One message of the reflection stream, answered.
  std::string Reflect(const std::string& request) {
    const auto channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                             grpc::InsecureChannelCredentials());
    grpc::GenericStub stub(channel);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    auto call = stub.PrepareCall(
        &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
    void* tag = nullptr;
    bool ok = false;
    const auto step = [&] { return queue.Next(&tag, &ok) && ok; };
    call->StartCall(nullptr);
    EXPECT_TRUE(step());
    const grpc::Slice slice(request);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    EXPECT_TRUE(step());
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    EXPECT_TRUE(step());
    call->WritesDone(nullptr);
    EXPECT_TRUE(step());
    grpc::Status status;
    call->Finish(&status, nullptr);
    EXPECT_TRUE(step());
    EXPECT_TRUE(status.ok()) << status.error_message();
    grpc::Slice bytes;
    EXPECT_TRUE(answer.DumpToSingleSlice(&bytes).ok());
    return std::string(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
  }
};

TEST_F(DiscoveryTest, HealthFollowsSetServing) {
  StartServer();
  EXPECT_EQ(Health(kAdmin), kNotServing);
  EXPECT_EQ(Health(""), kNotServing);
  server_->SetServing(true);
  EXPECT_EQ(Health(kAdmin), kServing);
  EXPECT_EQ(Health(""), kServing);
  server_->SetServing(false);
  EXPECT_EQ(Health(kAdmin), kNotServing);
  EXPECT_EQ(Health("no.such.Service"), -static_cast<int>(absl::StatusCode::kNotFound));
}

TEST_F(DiscoveryTest, ReflectionListsServicesAndGivesTheirFiles) {
  StartServer();
  // list_services = 7; the answer holds the names as text.
  const std::string services = Reflect("\x3a\x01*");
  EXPECT_THAT(services, HasSubstr(kAdmin));
  EXPECT_THAT(services, HasSubstr("grpc.reflection.v1alpha.ServerReflection"));
  // file_containing_symbol = 4; the answer holds a FileDescriptorProto.
  const std::string symbol = kAdmin;
  const std::string file =
      Reflect(absl::StrCat("\x22", std::string(1, static_cast<char>(symbol.size())), symbol));
  EXPECT_THAT(file, HasSubstr("watchbell/admin/v1/admin_service.proto"));
  EXPECT_THAT(file, HasSubstr("ListDeadLetters"));
}

}  // namespace
}  // namespace watchbell::rpc
