#ifndef LATCHKEY_TOOLS_BENCH_LOGIN_WORKLOAD_H_
#define LATCHKEY_TOOLS_BENCH_LOGIN_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/account/account.h"
#include "server/account/phc.h"
#include "tools/bench/answer.h"
#include "tools/bench/load.h"

namespace latchkey::bench {

// LoginAccount is an account that the bench can log in to: a person by the
// password, a service by the client secret.
struct LoginAccount {
  Account account;
  std::string proof;
};

// MakeLoginAccount makes one whose password is hashed at `cost`.
absl::StatusOr<LoginAccount> MakeLoginAccount(const HashCost& cost,
                                              absl::Time now);

// MakeServiceAccount makes one of a service, with one client secret.
LoginAccount MakeServiceAccount(absl::Time now);

// LoginWorkload logs in to one account, over and over. A server that says it
// is too busy has answered; whoever wants none of that asks refused().
class LoginWorkload : public Workload {
 public:
  explicit LoginWorkload(const LoginAccount& account);

  Request Next() override;
  Verdict Judge(uint64_t token, int grpc_status,
                absl::string_view message) override;
  std::string Explain(uint64_t token, int grpc_status,
                      absl::string_view message) override;

  uint64_t granted() const { return granted_; }
  uint64_t refused() const { return refused_; }

 protected:
  // OnGranted is told of each login's credential and session.
  virtual void OnGranted(std::string credential, std::string session_name) {}

 private:
  const std::string account_name_;
  const std::string body_;
  uint64_t granted_ = 0;
  uint64_t refused_ = 0;
};

// Visitors is sessions that come and go: what LoginWorkload opens,
// LogoutWorkload ends in the same order, and VisitorWorkload asks about, the
// ended ones too. The three run in one thread.
struct Visitors {
  struct One {
    std::string credential;
    Answer answer;         // not active once Logout has answered
    bool leaving = false;  // while Logout is under way both are right
    int asked = 0;         // questions under way
  };
  // Numbered from `first` on, in the order of login; `next_out` is the one to
  // be logged out next.
  std::deque<One> all;
  uint64_t first = 0;
  uint64_t next_out = 0;

  One& operator[](uint64_t number) { return all[number - first]; }
  uint64_t end() const { return first + all.size(); }
  // Forget drops the oldest ended ones beyond a few thousand.
  void Forget();
};

class ArrivingWorkload final : public LoginWorkload {
 public:
  // `visitors` must outlive the workload.
  ArrivingWorkload(const LoginAccount& account, Visitors& visitors)
      : LoginWorkload(account), visitors_(visitors) {}

 protected:
  void OnGranted(std::string credential, std::string session_name) override;

 private:
  Visitors& visitors_;
};

// LogoutWorkload ends the session that was opened longest ago. If there is
// none, it logs out what never was, which must end nothing.
class LogoutWorkload final : public Workload {
 public:
  explicit LogoutWorkload(Visitors& visitors);

  Request Next() override;
  Verdict Judge(uint64_t token, int grpc_status,
                absl::string_view message) override;
  std::string Explain(uint64_t token, int grpc_status,
                      absl::string_view message) override;

 private:
  static constexpr size_t kMaxUnderWay = size_t{1} << 16;
  static constexpr uint64_t kNobody = UINT64_MAX;
  struct Leaving {
    uint64_t visitor = kNobody;
    std::string body;
  };
  Visitors& visitors_;
  std::vector<Leaving> leaving_;
  uint64_t next_ = 0;
};

// VisitorWorkload asks Validate about visitors, present ones and gone ones.
class VisitorWorkload final : public Workload {
 public:
  VisitorWorkload(Visitors& visitors, uint64_t seed);

  Request Next() override;
  Verdict Judge(uint64_t token, int grpc_status,
                absl::string_view message) override;
  std::string Explain(uint64_t token, int grpc_status,
                      absl::string_view message) override;

 private:
  static constexpr size_t kMaxUnderWay = size_t{1} << 20;
  static constexpr uint64_t kNobody = UINT64_MAX;
  struct Asked {
    uint64_t visitor = kNobody;
    bool was_gone = false;
    std::string body;
  };
  Visitors& visitors_;
  std::vector<Asked> asked_;
  uint64_t next_ = 0;
  uint64_t state_;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_LOGIN_WORKLOAD_H_
