#include "server/credential/key_ring.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/memory/memory.h"

#include "client/base/status_macros.h"
#include "client/verify/token_limits.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

// The least that two activate_times differ by: what records keep.
constexpr absl::Duration kTimeStep = absl::Microseconds(1);

absl::Status CheckOptions(const KeyRingOptions& options) {
  if (options.publish_lead < absl::ZeroDuration() ||
      options.signing_life <= absl::ZeroDuration() ||
      options.signing_life < options.publish_lead ||
      options.max_token_life <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "signing keys: the publish lead must not be negative, the signing life "
        "positive and not under the lead, the longest token life positive");
  }
  return absl::OkStatus();
}

// Makes a key and stores it.
absl::StatusOr<std::shared_ptr<const SigningKey>> MakeKey(
    KeyStore& store, const Sealer& sealer, KeyAlgorithm algorithm,
    absl::Time create_time, absl::Time activate_time) {
  LATCHKEY_ASSIGN_OR_RETURN(auto key, SigningKey::Generate(algorithm));
  KeyRecord record;
  record.kid = key->kid();
  record.algorithm = algorithm;
  record.create_time = create_time;
  record.activate_time = activate_time;
  record.public_jwk = key->public_key().ToJwk();
  LATCHKEY_ASSIGN_OR_RETURN(record.sealed_private, key->Seal(sealer));
  LATCHKEY_RETURN_IF_ERROR(store.Add(record));
  return key;
}

// The index of the key that signs: the last that became active, or the first.
template <typename Keys>
size_t SigningIndex(const Keys& keys, absl::Time now) {
  size_t index = 0;
  while (index + 1 < keys.size() && keys[index + 1].activate_time <= now) {
    ++index;
  }
  return index;
}

bool SameKeys(const std::vector<KeyInfo>& a, const std::vector<KeyInfo>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const KeyInfo& x, const KeyInfo& y) { return x.kid == y.kid; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyRing>> KeyRing::Open(
    KeyStore& store, Sealer sealer, const KeyRingOptions& options,
    absl::Time now) {
  LATCHKEY_RETURN_IF_ERROR(CheckOptions(options));
  LATCHKEY_ASSIGN_OR_RETURN(const auto records, store.List());
  if (records.size() > kMaxKeys) {
    return absl::FailedPreconditionError("the store holds too many keys");
  }
  std::vector<Held> keys;
  for (const KeyRecord& record : records) {
    LATCHKEY_ASSIGN_OR_RETURN(auto key, SigningKey::Unseal(record, sealer));
    keys.push_back({record.create_time, record.activate_time, std::move(key)});
  }
  if (keys.empty()) {
    LATCHKEY_ASSIGN_OR_RETURN(
        auto key, MakeKey(store, sealer, options.algorithm, now, now));
    keys.push_back({now, now, std::move(key)});
  }
  return absl::WrapUnique(
      new KeyRing(store, std::move(sealer), options, std::move(keys)));
}

KeyRing::KeyRing(KeyStore& store, Sealer sealer, const KeyRingOptions& options,
                 std::vector<Held> keys)
    : store_(store),
      sealer_(std::move(sealer)),
      options_(options),
      keys_(std::move(keys)) {}

std::shared_ptr<const KeySet> KeyRing::VerificationKeys(absl::Time now) const {
  return ViewAt(now)->verification;
}

std::shared_ptr<const SigningKey> KeyRing::Signer(absl::Time now) const {
  return ViewAt(now)->signer;
}

std::vector<KeyInfo> KeyRing::List(absl::Time now) const {
  return ViewAt(now)->infos;
}

std::string KeyRing::Jwks(absl::Time now) const {
  return ViewAt(now)->verification->ToJwks();
}

absl::StatusOr<KeyInfo> KeyRing::Rotate(absl::Time now) {
  MutexLock lock(&change_mutex_);
  LATCHKEY_RETURN_IF_ERROR(RemoveGone(now));
  if (ViewAt(now)->infos.back().state == KeyState::kPublished) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Reason::kRotationTooSoon,
                     "the next key is waiting to sign already");
  }
  return AddNext(now + options_.publish_lead, now);
}

absl::StatusOr<KeyRing::Revoked> KeyRing::Revoke(absl::string_view kid,
                                                 absl::Time now) {
  MutexLock lock(&change_mutex_);
  LATCHKEY_RETURN_IF_ERROR(RemoveGone(now));
  const bool signs = ViewAt(now)->signer->kid() == kid;
  const auto is_it = [kid](const Held& held) { return held.key->kid() == kid; };
  std::vector<Held> keys = Keys();
  if (std::none_of(keys.begin(), keys.end(), is_it)) {
    return MakeError(absl::StatusCode::kNotFound, Reason::kKeyNotFound,
                     "no such key");
  }
  Revoked revoked;
  // The ring is never empty, not even between two writes; else what takes
  // power away comes first.
  if (keys.size() == 1) {
    LATCHKEY_ASSIGN_OR_RETURN(revoked.successor, AddSigner(now));
  }
  LATCHKEY_ASSIGN_OR_RETURN(revoked.revision,
                            store_.Revoke(kid, now + options_.max_token_life));
  keys = Keys();
  std::erase_if(keys, is_it);
  SetKeys(std::move(keys));
  if (signs && !revoked.successor.has_value()) {
    LATCHKEY_ASSIGN_OR_RETURN(revoked.successor, AddSigner(now));
  }
  return revoked;
}

absl::Status KeyRing::Tick(absl::Time now) {
  MutexLock lock(&change_mutex_);
  LATCHKEY_RETURN_IF_ERROR(RemoveGone(now));
  const KeyInfo newest = ViewAt(now)->infos.back();
  const absl::Time end = newest.activate_time + options_.signing_life;
  const absl::Time earliest = now + options_.publish_lead;
  if (newest.state == KeyState::kPublished || earliest < end) {
    return absl::OkStatus();
  }
  return AddNext(std::max(end, earliest), now).status();
}

std::shared_ptr<const KeyRing::View> KeyRing::ViewAt(absl::Time now) const {
  MutexLock lock(&mutex_);
  if (view_ != nullptr && now >= view_->since && now < view_->until) {
    return view_;
  }
  const auto view = MakeView(now);
  // A call that took its time does not turn back what newer ones go by.
  if (view_ == nullptr || now >= view_->since) view_ = view;
  return view;
}

std::shared_ptr<const KeyRing::View> KeyRing::MakeView(absl::Time now) const {
  auto view = std::make_shared<View>();
  const auto border = [&](absl::Time time) {
    if (time <= now) {
      view->since = std::max(view->since, time);
    } else {
      view->until = std::min(view->until, time);
    }
  };
  const size_t signing = SigningIndex(keys_, now);
  std::vector<PublicKey> verifying;
  for (size_t i = 0; i < keys_.size(); ++i) {
    const Held& held = keys_[i];
    KeyInfo info{.kid = held.key->kid(),
                 .algorithm = held.key->algorithm(),
                 .state = i > signing    ? KeyState::kPublished
                          : i == signing ? KeyState::kSigning
                                         : KeyState::kRetiring,
                 .create_time = held.create_time,
                 .activate_time = held.activate_time,
                 .retire_time = std::nullopt,
                 .gone_time = std::nullopt};
    border(info.activate_time);
    if (i + 1 < keys_.size()) {
      info.retire_time = keys_[i + 1].activate_time;
      info.gone_time =
          *info.retire_time + options_.max_token_life + kMaxClockSkew;
      border(*info.gone_time);
      if (now >= *info.gone_time) continue;
    }
    view->infos.push_back(std::move(info));
    verifying.push_back(held.key->public_key());
  }
  view->signer = keys_[signing].key;
  // Who remembers verdicts knows a set by its address: the same keys are the
  // same set.
  if (view_ != nullptr && SameKeys(view_->infos, view->infos)) {
    view->verification = view_->verification;
    return view;
  }
  // At most kMaxKeys, all different: it cannot fail.
  view->verification =
      std::make_shared<const KeySet>(*KeySet::FromKeys(std::move(verifying)));
  return view;
}

absl::StatusOr<KeyInfo> KeyRing::AddNext(absl::Time activate_time,
                                         absl::Time now) {
  std::vector<Held> keys = Keys();
  if (keys.size() >= kMaxKeys) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Reason::kRotationTooSoon,
                     "too many keys; some must retire first");
  }
  // After the newest in any case: with the clock far back at a restart, `now`
  // may be before all, and a key put first would sign unpublished.
  activate_time =
      std::max(activate_time, keys.back().activate_time + kTimeStep);
  LATCHKEY_ASSIGN_OR_RETURN(
      auto key,
      MakeKey(store_, sealer_, options_.algorithm, now, activate_time));
  keys.push_back({now, activate_time, std::move(key)});
  SetKeys(std::move(keys));
  return ViewAt(now)->infos.back();
}

// Makes a key that signs at once, and until the next one does if there is one.
absl::StatusOr<KeyInfo> KeyRing::AddSigner(absl::Time now) {
  std::vector<Held> keys = Keys();
  const auto next = std::find_if(
      keys.begin(), keys.end(),
      [now](const Held& held) { return held.activate_time > now; });
  absl::Time activate_time = now;
  if (next != keys.begin()) {
    activate_time = std::max(now, std::prev(next)->activate_time + kTimeStep);
  }
  LATCHKEY_ASSIGN_OR_RETURN(
      auto key,
      MakeKey(store_, sealer_, options_.algorithm, now, activate_time));
  const std::string kid = key->kid();
  keys.insert(next, {now, activate_time, std::move(key)});
  SetKeys(std::move(keys));
  const std::shared_ptr<const View> view = ViewAt(activate_time);
  return *std::find_if(view->infos.begin(), view->infos.end(),
                       [&kid](const KeyInfo& info) { return info.kid == kid; });
}

absl::Status KeyRing::RemoveGone(absl::Time now) {
  const std::shared_ptr<const View> view = ViewAt(now);
  std::vector<Held> left = Keys();
  // Gone keys are the oldest ones.
  while (left.size() > view->infos.size()) {
    LATCHKEY_RETURN_IF_ERROR(store_.Remove(left.front().key->kid()));
    left.erase(left.begin());
    SetKeys(left);
  }
  return absl::OkStatus();
}

std::vector<KeyRing::Held> KeyRing::Keys() const {
  MutexLock lock(&mutex_);
  return keys_;
}

void KeyRing::SetKeys(std::vector<Held> keys) {
  MutexLock lock(&mutex_);
  keys_ = std::move(keys);
  view_ = nullptr;
}

}  // namespace latchkey
