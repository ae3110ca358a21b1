#include "client/follow/follower.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"

#include "client/verify/key_set.h"

namespace latchkey {
namespace {

absl::Status OutOfOrder(const char* what) {
  return absl::FailedPreconditionError(what);
}

}  // namespace

Follower::Follower(const Options& options, LeasedView& view, const Clock& clock)
    : options_(options),
      view_(view),
      clock_(clock),
      interval_(options.heartbeat_interval) {}

void Follower::Connected() {
  Disconnected();
  stream_ = Stream::kConnected;
}

void Follower::Disconnected() {
  stream_ = Stream::kNone;
  unanswered_.clear();
  pending_.reset();
}

std::optional<VerifierMessage> Follower::Take() {
  if (stream_ == Stream::kConnected) {
    stream_ = Stream::kSubscribed;
    return Subscribe{.epoch = view_.epoch(), .resume = applied_};
  }
  if (stream_ != Stream::kWelcomed) return std::nullopt;
  const absl::Duration now = clock_.SinceBoot();
  if (now < next_heartbeat_) return std::nullopt;
  next_heartbeat_ = now + interval_;
  if (unanswered_.size() == kMaxUnanswered) unanswered_.pop_front();
  unanswered_.push_back({.nonce = ++last_nonce_, .sent = now});
  return Heartbeat{.nonce = last_nonce_, .applied = applied_};
}

absl::Duration Follower::NextTake() const {
  switch (stream_) {
    case Stream::kConnected:
      return absl::ZeroDuration();
    case Stream::kWelcomed:
      return next_heartbeat_;
    case Stream::kNone:
    case Stream::kSubscribed:
      break;
  }
  return absl::InfiniteDuration();
}

absl::Status Follower::Receive(const ServerMessage& message) {
  const absl::Status received =
      std::visit([this](const auto& one) { return ReceiveOne(one); }, message);
  // What comes after is not understood without it.
  if (!received.ok()) Disconnected();
  return received;
}

absl::Status Follower::ReceiveOne(const Welcome& welcome) {
  if (stream_ != Stream::kSubscribed) return OutOfOrder("a second welcome");
  if (view_.epoch() != welcome.epoch) {
    view_.Restart(welcome.epoch);
    applied_ = 0;
    jwks_.clear();
    view_time_ = -absl::InfiniteDuration();
  }
  if (welcome.after > applied_) return OutOfOrder("welcomed to the future");
  applied_ = welcome.after;
  stream_ = Stream::kWelcomed;
  interval_ = options_.heartbeat_interval;
  if (welcome.heartbeat_interval > absl::ZeroDuration()) {
    interval_ =
        std::min(interval_, std::max(welcome.heartbeat_interval, kMinInterval));
  }
  activity_interval_ =
      std::max(welcome.activity_interval, absl::ZeroDuration());
  next_heartbeat_ = absl::ZeroDuration();
  return absl::OkStatus();
}

absl::Status Follower::ReceiveOne(const KeySetUpdate& update) {
  if (stream_ != Stream::kWelcomed) return OutOfOrder("keys too early");
  // Each stream begins with them. The same set stays the same object, so that
  // what was judged by it need not be judged again.
  if (update.jwks == jwks_) return absl::OkStatus();
  absl::StatusOr<KeySet> keys = KeySet::FromJwks(update.jwks);
  if (!keys.ok()) {
    // Not the stream's end: revocations must go on to come.
    ++bad_key_sets_;
    return absl::OkStatus();
  }
  view_.SetKeys(std::make_shared<const KeySet>(*std::move(keys)));
  jwks_ = update.jwks;
  return absl::OkStatus();
}

absl::Status Follower::ReceiveOne(const RevocationBatch& batch) {
  if (stream_ != Stream::kWelcomed) return OutOfOrder("a batch too early");
  if (batch.after > applied_) return OutOfOrder("a batch was lost");
  if (const absl::Status added = view_.Add(batch.revocations); !added.ok()) {
    // Who does not know all that he was told relies on nothing.
    view_.EndLease();
    return added;
  }
  applied_ = std::max(applied_, batch.through);
  view_.NoteApplied(applied_);
  // At once, for those who wait for it. After an empty batch only if there is
  // no lease to lose: each answer could bring the next one.
  if (!batch.revocations.empty() || view_.lease_end() <= clock_.SinceBoot()) {
    next_heartbeat_ = absl::ZeroDuration();
  }
  UsePending();
  return absl::OkStatus();
}

absl::Status Follower::ReceiveOne(const Lease& lease) {
  if (stream_ != Stream::kWelcomed) return OutOfOrder("a lease too early");
  while (!unanswered_.empty() && unanswered_.front().nonce < lease.nonce) {
    unanswered_.pop_front();
  }
  if (unanswered_.empty() || unanswered_.front().nonce != lease.nonce) {
    return absl::OkStatus();  // too late to be of use
  }
  const absl::Duration ttl = std::min(lease.ttl, kMaxLeaseTtl);
  pending_ = {.revision = lease.revision,
              .sent = unanswered_.front().sent,
              .end = unanswered_.front().sent + ttl,
              .server_time = lease.server_time};
  unanswered_.pop_front();
  UsePending();
  return absl::OkStatus();
}

void Follower::UsePending() {
  if (!pending_.has_value() || pending_->revision > applied_) return;
  view_.NoteServerTime(pending_->server_time);
  view_.Renew(pending_->end);
  view_time_ = pending_->sent;
  pending_.reset();
}

}  // namespace latchkey
