#ifndef LATCHKEY_TESTS_SERVER_CREDENTIAL_FAILING_KEY_STORE_H_
#define LATCHKEY_TESTS_SERVER_CREDENTIAL_FAILING_KEY_STORE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/mutex.h"
#include "client/base/status_macros.h"
#include "server/credential/key_store.h"

namespace latchkey {

// FailingKeyStore is another store until it is told to fail.
class FailingKeyStore final : public KeyStore {
 public:
  // `base` must outlive this store.
  explicit FailingKeyStore(KeyStore& base) : base_(base) {}

  // FailWith makes every call answer `failure` and do nothing; OK ends that.
  void FailWith(absl::Status failure) {
    MutexLock lock(&mutex_);
    failure_ = std::move(failure);
  }

  absl::Status Add(const KeyRecord& record) override {
    LATCHKEY_RETURN_IF_ERROR(Failure());
    return base_.Add(record);
  }
  absl::StatusOr<std::vector<KeyRecord>> List() const override {
    LATCHKEY_RETURN_IF_ERROR(Failure());
    return base_.List();
  }
  absl::Status Remove(absl::string_view kid) override {
    LATCHKEY_RETURN_IF_ERROR(Failure());
    return base_.Remove(kid);
  }
  absl::StatusOr<uint64_t> Revoke(absl::string_view kid,
                                  absl::Time last_expire_time) override {
    LATCHKEY_RETURN_IF_ERROR(Failure());
    return base_.Revoke(kid, last_expire_time);
  }
  absl::StatusOr<std::string> MasterKeyCheck() const override {
    LATCHKEY_RETURN_IF_ERROR(Failure());
    return base_.MasterKeyCheck();
  }
  absl::Status SetMasterKeyCheck(absl::string_view sealed) override {
    LATCHKEY_RETURN_IF_ERROR(Failure());
    return base_.SetMasterKeyCheck(sealed);
  }

 private:
  absl::Status Failure() const {
    MutexLock lock(&mutex_);
    return failure_;
  }

  KeyStore& base_;
  mutable Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_CREDENTIAL_FAILING_KEY_STORE_H_
