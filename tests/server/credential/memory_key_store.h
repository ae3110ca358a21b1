#ifndef LATCHKEY_TESTS_SERVER_CREDENTIAL_MEMORY_KEY_STORE_H_
#define LATCHKEY_TESTS_SERVER_CREDENTIAL_MEMORY_KEY_STORE_H_

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/mutex.h"
#include "server/credential/key_store.h"

namespace latchkey {

// MemoryKeyStore keeps keys in memory, and fails when told to.
class MemoryKeyStore final : public KeyStore {
 public:
  absl::Status Add(const KeyRecord& record) override {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    for (const KeyRecord& have : records_) {
      if (have.kid == record.kid) return absl::AlreadyExistsError("kid");
    }
    records_.push_back(record);
    std::sort(records_.begin(), records_.end(),
              [](const KeyRecord& a, const KeyRecord& b) {
                return std::tie(a.activate_time, a.kid) <
                       std::tie(b.activate_time, b.kid);
              });
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<KeyRecord>> List() const override {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    return records_;
  }
  absl::Status Remove(absl::string_view kid) override {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    std::erase_if(records_, [&](const auto& r) { return r.kid == kid; });
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> MasterKeyCheck() const override {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    if (!check_.has_value()) return absl::NotFoundError("none");
    return *check_;
  }
  absl::Status SetMasterKeyCheck(absl::string_view sealed) override {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    check_ = std::string(sealed);
    return absl::OkStatus();
  }

  // FailWith makes every call answer `status`; OK ends that.
  void FailWith(absl::Status status) {
    MutexLock lock(&mutex_);
    failure_ = std::move(status);
  }

 private:
  mutable Mutex mutex_;
  std::vector<KeyRecord> records_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::string> check_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_CREDENTIAL_MEMORY_KEY_STORE_H_
