#include "server/rpc/call_admission.h"

#include <utility>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(CallAdmission, HasAsManyPlacesAsTheLimitForEachMethod) {
  CallAdmission admission(2);
  const CallAdmission::Place a = admission.TryEnter(Method::kLogin);
  const CallAdmission::Place b = admission.TryEnter(Method::kLogin);
  EXPECT_TRUE(a.valid());
  EXPECT_TRUE(b.valid());
  EXPECT_FALSE(admission.TryEnter(Method::kLogin).valid());
  EXPECT_TRUE(admission.TryEnter(Method::kLogout).valid());
  EXPECT_EQ(admission.UnderWay(Method::kLogin), 2);
}

TEST(CallAdmission, APlaceThatGoesIsFree) {
  CallAdmission admission(1);
  {
    CallAdmission::Place a = admission.TryEnter(Method::kLogin);
    const CallAdmission::Place moved = std::move(a);
    EXPECT_TRUE(moved.valid());
    EXPECT_FALSE(admission.TryEnter(Method::kLogin).valid());
  }
  EXPECT_EQ(admission.UnderWay(Method::kLogin), 0);
  EXPECT_TRUE(admission.TryEnter(Method::kLogin).valid());
}

TEST(CallAdmission, TellsWhetherAnyCallIsUnderWay) {
  CallAdmission admission(1);
  EXPECT_FALSE(admission.AnyUnderWay());
  {
    const CallAdmission::Place place = admission.TryEnter(Method::kLogout);
    EXPECT_FALSE(admission.TryEnter(Method::kLogout).valid());
    EXPECT_TRUE(admission.AnyUnderWay());
  }
  EXPECT_FALSE(admission.AnyUnderWay());
}

}  // namespace
}  // namespace latchkey
