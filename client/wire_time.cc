#include "client/wire_time.h"

#include <algorithm>
#include <cstdint>

namespace latchkey {
namespace {

// As google/protobuf/timestamp.proto and duration.proto say.
constexpr int64_t kFirstSecond = -62135596800;
constexpr int64_t kLastSecond = 253402300799;
constexpr int64_t kMostSeconds = 315576000000;
constexpr int32_t kNanosPerSecond = 1'000'000'000;

}  // namespace

std::optional<absl::Time> ReadTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() < kFirstSecond || time.seconds() > kLastSecond ||
      time.nanos() < 0 || time.nanos() >= kNanosPerSecond) {
    return std::nullopt;
  }
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Microseconds(time.nanos() / 1000);
}

std::optional<absl::Duration> ReadDuration(
    const google::protobuf::Duration& duration) {
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  if (seconds < -kMostSeconds || seconds > kMostSeconds ||
      nanos <= -kNanosPerSecond || nanos >= kNanosPerSecond ||
      (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    return std::nullopt;
  }
  return absl::Seconds(seconds) + absl::Nanoseconds(nanos);
}

void WriteDuration(absl::Duration duration, google::protobuf::Duration* out) {
  const absl::Duration most = absl::Seconds(kMostSeconds);
  duration = std::clamp(duration, -most, most);
  const int64_t seconds =
      absl::IDivDuration(duration, absl::Seconds(1), &duration);
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

}  // namespace latchkey
