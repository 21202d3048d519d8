#include "common/rpc/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/errors.h"

namespace watchbell::rpc {
namespace {

using ::testing::ElementsAre;

TEST(IdentityTest, Defaults) {
  const auto identity = MakeDevelopmentIdentity()->Identify({});
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->tenant, "default");
  EXPECT_EQ(identity->subject, "developer");
  EXPECT_THAT(identity->roles, ElementsAre("agent", "integration", "manager", "operator"));
}

TEST(IdentityTest, BelievesTheCaller) {
  const auto identity =
      MakeDevelopmentIdentity()->Identify({{"x-watchbell-tenant", "acme-2"},
                                           {"x-watchbell-subject", "mia@acme"},
                                           {"x-watchbell-roles", "agent, manager"},
                                           {"other", "header"}});
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->tenant, "acme-2");
  EXPECT_EQ(identity->subject, "mia@acme");
  EXPECT_THAT(identity->roles, ElementsAre("agent", "manager"));
}

TEST(IdentityTest, NoRolesAtAll) {
  const auto identity = MakeDevelopmentIdentity()->Identify({{"x-watchbell-roles", ""}});
  ASSERT_TRUE(identity.ok());
  EXPECT_TRUE(identity->roles.empty());
}

TEST(IdentityTest, MalformedValues) {
  const Metadata bad[] = {
      {{"x-watchbell-tenant", ""}},
      {{"x-watchbell-tenant", "Acme"}},
      {{"x-watchbell-tenant", "-acme"}},
      {{"x-watchbell-tenant", std::string(64, 'a')}},
      {{"x-watchbell-tenant", "a"}, {"x-watchbell-tenant", "b"}},
      {{"x-watchbell-subject", "two words"}},
      {{"x-watchbell-subject", std::string(129, 'a')}},
      {{"x-watchbell-roles", "Agent"}},
      {{"x-watchbell-roles", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"}},
  };
  for (const Metadata& metadata : bad) {
    const auto identity = MakeDevelopmentIdentity()->Identify(metadata);
    EXPECT_EQ(identity.status().code(), absl::StatusCode::kUnauthenticated)
        << metadata.begin()->first << ": " << metadata.begin()->second;
    EXPECT_EQ(ErrorReason(identity.status()), "IDENTITY_MALFORMED");
  }
}

}  // namespace
}  // namespace watchbell::rpc
