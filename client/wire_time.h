#ifndef LATCHKEY_CLIENT_WIRE_TIME_H_
#define LATCHKEY_CLIENT_WIRE_TIME_H_

#include <optional>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace latchkey {

// ReadTime returns the instant, cut down to a microsecond, or nullopt if it is
// none: before 0001, after 9999, or with nanos that are not 0 to 999,999,999.
std::optional<absl::Time> ReadTime(const google::protobuf::Timestamp& time);

// ReadDuration returns the duration, or nullopt if it is none: of more than
// 10,000 years, or with nanos out of bounds or of another sign.
std::optional<absl::Duration> ReadDuration(
    const google::protobuf::Duration& duration);

// WriteDuration spells `duration`, cut down to nanoseconds and to what the
// message can hold.
void WriteDuration(absl::Duration duration, google::protobuf::Duration* out);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_WIRE_TIME_H_
