#include "server/session/revocation_stream.h"

#include <utility>
#include <variant>

#include "client/base/status_macros.h"

namespace latchkey {

absl::StatusOr<std::unique_ptr<RevocationStream>> RevocationStream::Open(
    const Epoch& epoch, const RevocationLog& log, const KeySetSource& keys,
    LeaseTable& leases) {
  LATCHKEY_ASSIGN_OR_RETURN(const LeaseTable::StreamNumber number,
                            leases.OpenStream());
  return std::unique_ptr<RevocationStream>(
      new RevocationStream(epoch, log, keys, leases, number));
}

RevocationStream::RevocationStream(const Epoch& epoch, const RevocationLog& log,
                                   const KeySetSource& keys, LeaseTable& leases,
                                   LeaseTable::StreamNumber number)
    : epoch_(epoch), log_(log), keys_(keys), leases_(leases), number_(number) {}

RevocationStream::~RevocationStream() { leases_.CloseStream(number_); }

absl::Status RevocationStream::Receive(const VerifierMessage& message) {
  return std::visit([this](const auto& one) { return ReceiveOne(one); },
                    message);
}

absl::Status RevocationStream::ReceiveOne(const Subscribe& subscribe) {
  if (state_ != State::kNew) {
    return absl::InvalidArgumentError("subscribed twice");
  }
  state_ = State::kSubscribed;
  // A revision of another epoch, or one that does not exist yet, says nothing
  // about what the verifier knows.
  if (subscribe.epoch == epoch_ && subscribe.resume <= log_.Head()) {
    written_ = subscribe.resume;
  }
  return absl::OkStatus();
}

absl::Status RevocationStream::ReceiveOne(const Heartbeat& heartbeat) {
  if (state_ != State::kWelcomed) {
    return absl::InvalidArgumentError("a heartbeat before the welcome");
  }
  if (heartbeat.applied > written_) {
    return absl::InvalidArgumentError("acknowledged what was never sent");
  }
  tell_head_ = true;
  const std::optional<LeaseTable::Grant> grant =
      leases_.Heartbeat(number_, heartbeat.applied);
  if (!grant.has_value()) return absl::OkStatus();
  // One that was not written yet is of no more use than this.
  lease_ = {.nonce = heartbeat.nonce,
            .revision = grant->revision,
            .ttl = grant->ttl,
            .server_time = grant->server_time};
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ServerMessage>> RevocationStream::Next() {
  if (state_ == State::kNew) return std::nullopt;
  if (state_ == State::kSubscribed) {
    state_ = State::kWelcomed;
    return Welcome{.epoch = epoch_, .after = written_};
  }
  if (auto keys = keys_.Current(); keys != written_keys_) {
    written_keys_ = std::move(keys);
    if (written_keys_ != nullptr) return KeySetUpdate{.jwks = *written_keys_};
  }
  if (lease_.has_value() && lease_->revision <= written_) {
    return *std::exchange(lease_, std::nullopt);
  }
  if (written_ == log_.Head()) return std::nullopt;
  LATCHKEY_ASSIGN_OR_RETURN(RevocationBatch batch,
                            log_.ReadAfter(written_, kMaxBatchRevocations));
  // Revisions that revoked nothing are told of once for a heartbeat, not each
  // by itself.
  if (batch.revocations.empty() && !tell_head_) return std::nullopt;
  tell_head_ = false;
  written_ = batch.through;
  return batch;
}

bool RevocationStream::NextReadsDisk() const {
  return state_ == State::kWelcomed && log_.ReadsDisk(written_);
}

}  // namespace latchkey
