#include "server/storage/expiry_filter.h"

#include <algorithm>
#include <optional>
#include <string>

#include "server/storage/records.h"
#include "server/storage/rocks_db.h"

namespace latchkey {
namespace {

class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(absl::Time free_up_to) : free_up_to_(free_up_to) {}

  bool Filter(int /*level*/, const rocksdb::Slice& /*key*/,
              const rocksdb::Slice& value, std::string* /*new_value*/,
              bool* /*value_changed*/) const override {
    const std::optional<absl::Time> expire = ReadExpire(ToView(value));
    return expire.has_value() && *expire <= free_up_to_;
  }

  const char* Name() const override { return "latchkey.expiry"; }

 private:
  const absl::Time free_up_to_;
};

class ExpiryFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit ExpiryFilterFactory(const FilterClock& clock) : clock_(clock) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& /*context*/) override {
    return std::make_unique<ExpiryFilter>(clock_.Now() - kFreeAfter);
  }

  const char* Name() const override { return "latchkey.expiry"; }

 private:
  const FilterClock& clock_;
};

}  // namespace

FilterClock::FilterClock(const Clock& clock)
    : clock_(clock),
      wall_at_open_(clock.Now()),
      boot_at_open_(clock.SinceBoot()) {}

absl::Time FilterClock::Now() const {
  const absl::Time by_boot =
      wall_at_open_ + (clock_.SinceBoot() - boot_at_open_);
  return std::min(clock_.Now(), by_boot);
}

std::shared_ptr<rocksdb::CompactionFilterFactory> NewExpiryFilterFactory(
    const FilterClock& clock) {
  return std::make_shared<ExpiryFilterFactory>(clock);
}

}  // namespace latchkey
