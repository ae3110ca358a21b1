#include "client/verify/revocation_set.h"

#include <algorithm>
#include <utility>

namespace latchkey {
namespace {

absl::Status NoRoom() {
  return absl::ResourceExhaustedError("too many revocations");
}

}  // namespace

bool RevocationSet::NamedList::Has(absl::string_view name) const {
  const List* const list = list_.load(std::memory_order_acquire);
  if (list == nullptr) return false;
  return std::any_of(list->begin(), list->end(),
                     [&](const Named& one) { return one.name == name; });
}

absl::Status RevocationSet::NamedList::Add(absl::string_view name,
                                           absl::Time drop_time, size_t limit,
                                           absl::Time now) {
  std::unique_ptr<List> list = Kept(now);
  for (Named& one : *list) {
    if (one.name != name) continue;
    if (drop_time <= one.drop_time) return absl::OkStatus();
    one.drop_time = drop_time;
    Replace(std::move(list));
    return absl::OkStatus();
  }
  if (list->size() >= limit) return NoRoom();
  list->push_back({std::string(name), drop_time});
  Replace(std::move(list));
  return absl::OkStatus();
}

void RevocationSet::NamedList::Sweep(absl::Time now) {
  std::unique_ptr<List> list = Kept(now);
  if (list->size() < size()) Replace(std::move(list));
}

size_t RevocationSet::NamedList::size() const {
  const List* const list = list_.load(std::memory_order_acquire);
  return list == nullptr ? 0 : list->size();
}

size_t RevocationSet::NamedList::Bytes() const {
  const List* const list = list_.load(std::memory_order_acquire);
  if (list == nullptr) return 0;
  size_t bytes = list->capacity() * sizeof(Named);
  for (const Named& one : *list) bytes += one.name.capacity() + 1;
  return bytes;
}

std::unique_ptr<RevocationSet::NamedList::List> RevocationSet::NamedList::Kept(
    absl::Time now) const {
  auto kept = std::make_unique<List>();
  const List* const list = list_.load(std::memory_order_acquire);
  if (list == nullptr) return kept;
  for (const Named& one : *list) {
    if (now < one.drop_time) kept->push_back(one);
  }
  return kept;
}

void RevocationSet::NamedList::Replace(std::unique_ptr<List> list) {
  const List* const fresh = list->empty() ? nullptr : list.release();
  const List* const old = list_.exchange(fresh, std::memory_order_acq_rel);
  if (old != nullptr) gate_.Retire(std::shared_ptr<const List>(old));
}

RevocationSet::RevocationSet(const Options& options, ReaderGate& gate)
    : options_(options),
      sessions_(gate),
      accounts_(gate),
      keys_(gate),
      epochs_(gate) {}

RevocationSet::~RevocationSet() = default;

bool RevocationSet::Refuses(const RevocableFacts& facts) const {
  return sessions_.LowestGood(facts.session.array()) != 0 ||
         facts.generation < accounts_.LowestGood(facts.account.array()) ||
         (!facts.kid.empty() && keys_.Has(facts.kid)) ||
         epochs_.Has(facts.epoch.view());
}

absl::Status RevocationSet::Add(const Revocation& revocation, absl::Time now) {
  switch (revocation.kind) {
    case Revocation::Kind::kSession:
      if (sessions_.size() + accounts_.size() >= options_.max_entries) {
        return NoRoom();
      }
      sessions_.Raise(revocation.session.array(), RevokedIds::kNone,
                      revocation.drop_time, now);
      return absl::OkStatus();
    case Revocation::Kind::kAccount:
      if (sessions_.size() + accounts_.size() >= options_.max_entries) {
        return NoRoom();
      }
      // Of generation 0 and above: nothing was ended.
      if (revocation.lowest_good == 0) return absl::OkStatus();
      accounts_.Raise(revocation.account.array(), revocation.lowest_good,
                      revocation.drop_time, now);
      return absl::OkStatus();
    case Revocation::Kind::kKey:
      if (revocation.kid.size() > kMaxRevokedKidBytes) break;
      return keys_.Add(revocation.kid, revocation.drop_time, kMaxKeys, now);
    case Revocation::Kind::kEpoch:
      return epochs_.Add(revocation.epoch.view(), revocation.drop_time,
                         kMaxEpochs, now);
  }
  return absl::InvalidArgumentError("a revocation that cannot be understood");
}

void RevocationSet::Sweep(absl::Time now) {
  sessions_.Sweep(now);
  accounts_.Sweep(now);
  keys_.Sweep(now);
  epochs_.Sweep(now);
}

size_t RevocationSet::size() const {
  return sessions_.size() + accounts_.size() + keys_.size() + epochs_.size();
}

size_t RevocationSet::Bytes() const {
  return sessions_.Bytes() + accounts_.Bytes() + keys_.Bytes() +
         epochs_.Bytes();
}

}  // namespace latchkey
