#include "client/use_gate.h"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/notification.h"

namespace latchkey {
namespace {

TEST(UseGateTest, CloseWaitsForTheLastUse) {
  UseGate gate;
  std::optional<UseGate::Use> use(std::in_place, gate);
  ASSERT_TRUE(use->ok());
  std::atomic<bool> closed{false};
  Notification begun;
  std::thread closer([&] {
    begun.Notify();
    gate.Close();
    closed = true;
  });
  begun.Wait();
  EXPECT_FALSE(closed);
  use.reset();
  closer.join();
  EXPECT_TRUE(closed);
}

TEST(UseGateTest, AfterCloseNoUseIsOk) {
  UseGate gate;
  gate.Close();
  EXPECT_FALSE(UseGate::Use(gate).ok());
  gate.Close();
}

TEST(UseGateTest, NobodyIsInsideOnceCloseHasReturned) {
  UseGate gate;
  std::atomic<int> inside{0};
  std::atomic<int> uses{0};
  std::vector<std::thread> users;
  for (int i = 0; i < 4; ++i) {
    users.emplace_back([&] {
      while (true) {
        const UseGate::Use use(gate);
        if (!use.ok()) return;
        ++inside;
        ++uses;
        --inside;
      }
    });
  }
  while (uses < 1000) std::this_thread::yield();
  gate.Close();
  EXPECT_EQ(inside, 0);
  for (std::thread& user : users) user.join();
}

TEST(UseGateTest, MayBeDestroyedOnceCloseHasReturned) {
  for (int i = 0; i < 1000; ++i) {
    auto gate = std::make_unique<UseGate>();
    auto use = std::make_unique<UseGate::Use>(*gate);
    std::thread leaver([&] { use.reset(); });
    gate->Close();
    gate.reset();
    leaver.join();
  }
}

}  // namespace
}  // namespace latchkey
