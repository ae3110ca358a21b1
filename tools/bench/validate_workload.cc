#include "tools/bench/validate_workload.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

#include "latchkey/v1/auth.pb.h"
#include "tools/bench/answer.h"
#include "tools/bench/draw.h"

namespace latchkey::bench {
namespace {

constexpr char kPing[] = "/latchkey.internal.v1.BenchmarkService/Ping";
constexpr char kValidate[] = "/latchkey.v1.AuthService/Validate";
constexpr char kBatchValidate[] = "/latchkey.v1.AuthService/BatchValidate";

// Draws before an order repeats itself.
constexpr size_t kDraws = size_t{1} << 19;
// What web caches see.
constexpr double kZipfExponent = 0.99;
// More calls than this are never under way: the load client's line holds a
// million.
constexpr size_t kMaxUnderWay = size_t{1} << 21;

std::string WrongAnswer(const CredentialSet::Entry& entry,
                        absl::string_view message) {
  return absl::StrCat("Validate of a credential (", entry.kind, ") answered ",
                      Describe(message), "; it must be ",
                      Describe(entry.answer));
}

}  // namespace

PingWorkload::PingWorkload() : body_(Framed("")) {}

Request PingWorkload::Next() { return {kPing, body_, 0}; }

Verdict PingWorkload::Judge(uint64_t, int grpc_status,
                            absl::string_view message) {
  if (grpc_status != 0) return Verdict::kError;
  return message.empty() ? Verdict::kRight : Verdict::kWrong;
}

std::string PingWorkload::Explain(uint64_t, int grpc_status,
                                  absl::string_view message) {
  if (grpc_status != 0) return NoAnswer("Ping", grpc_status, message);
  return absl::StrCat("Ping answered ", message.size(), " bytes, not none");
}

Order InTurn(size_t size) {
  Order order(size);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Order Uniform(size_t size, uint64_t seed) {
  Draw draw(seed);
  Order order(kDraws);
  for (uint32_t& i : order) i = static_cast<uint32_t>(draw.Below(size));
  return order;
}

Order Skewed(size_t size, uint64_t seed) {
  Draw draw(seed);
  Order by_rank = InTurn(size);
  for (size_t i = size; i > 1; --i) {
    std::swap(by_rank[i - 1], by_rank[draw.Below(i)]);
  }
  const Zipf zipf(size, kZipfExponent);
  Order order(kDraws);
  for (uint32_t& i : order) i = by_rank[zipf.Sample(draw)];
  return order;
}

ValidateWorkload::ValidateWorkload(const CredentialSet& set, Order order)
    : set_(set), order_(std::move(order)) {}

Request ValidateWorkload::Next() {
  const uint32_t entry = order_[next_];
  if (++next_ == order_.size()) next_ = 0;
  FetchAhead();
  return {kValidate, set_[entry].body, entry};
}

// What a large set costs this side in waiting for its memory would be measured
// as the server's: so it is asked for some calls before it is needed, an entry
// first, then what lies elsewhere.
void ValidateWorkload::FetchAhead() const {
  constexpr size_t kCalls = 8;
  const auto coming = [this](size_t calls) -> const CredentialSet::Entry& {
    return set_[order_[(next_ + calls) % order_.size()]];
  };
  const CredentialSet::Entry& later = coming(2 * kCalls);
  __builtin_prefetch(&later.body);
  __builtin_prefetch(&later.answer);
  const CredentialSet::Entry& soon = coming(kCalls);
  __builtin_prefetch(soon.body.data());
  __builtin_prefetch(soon.answer.session_name.data());
}

Verdict ValidateWorkload::Judge(uint64_t token, int grpc_status,
                                absl::string_view message) {
  if (grpc_status != 0) return Verdict::kError;
  return IsRight(message, set_[token].answer) ? Verdict::kRight
                                              : Verdict::kWrong;
}

std::string ValidateWorkload::Explain(uint64_t token, int grpc_status,
                                      absl::string_view message) {
  if (grpc_status != 0) return NoAnswer("Validate", grpc_status, message);
  return WrongAnswer(set_[token], message);
}

BatchWorkload::BatchWorkload(const CredentialSet& set, size_t batch) {
  const size_t count = std::max<size_t>(1, set.size() / batch);
  for (size_t b = 0; b < count; ++b) {
    v1::BatchValidateRequest request;
    Batch made;
    for (size_t k = 0; k < batch; ++k) {
      // Far from each other, as callers' would be.
      const CredentialSet::Entry& entry = set[(k * count + b) % set.size()];
      request.add_requests()->set_credential(entry.credential);
      made.answers.push_back(&entry.answer);
    }
    made.body = Framed(request.SerializeAsString());
    batches_.push_back(std::move(made));
  }
}

Request BatchWorkload::Next() {
  const size_t batch = next_;
  if (++next_ == batches_.size()) next_ = 0;
  return {kBatchValidate, batches_[batch].body, batch};
}

Verdict BatchWorkload::Judge(uint64_t token, int grpc_status,
                             absl::string_view message) {
  if (grpc_status != 0) return Verdict::kError;
  return AreRight(message, batches_[token].answers) ? Verdict::kRight
                                                    : Verdict::kWrong;
}

std::string BatchWorkload::Explain(uint64_t token, int grpc_status,
                                   absl::string_view message) {
  if (grpc_status != 0) return NoAnswer("BatchValidate", grpc_status, message);
  v1::BatchValidateResponse response;
  const std::vector<const Answer*>& answers = batches_[token].answers;
  if (!response.ParseFromArray(message.data(),
                               static_cast<int>(message.size())) ||
      response.responses_size() != static_cast<int>(answers.size())) {
    return absl::StrCat("BatchValidate of ", answers.size(), " answered ",
                        response.responses_size());
  }
  for (int i = 0; i < response.responses_size(); ++i) {
    const std::string one = response.responses(i).SerializeAsString();
    if (IsRight(one, *answers[i])) continue;
    return absl::StrCat("BatchValidate answered to its request ", i, ": ",
                        Describe(absl::string_view(one)), "; it must be ",
                        Describe(*answers[i]));
  }
  return "BatchValidate answered in an order of fields of its own";
}

ExpiringWorkload::ExpiringWorkload(const CredentialSet& set,
                                   const std::vector<absl::Time>& expire_times,
                                   absl::Duration tolerance, Order order,
                                   const Clock& clock)
    : set_(set),
      expire_times_(expire_times),
      tolerance_(tolerance),
      order_(std::move(order)),
      clock_(clock),
      asked_(kMaxUnderWay) {}

Request ExpiringWorkload::Next() {
  const uint32_t entry = order_[next_ % order_.size()];
  const uint64_t token = next_++ % kMaxUnderWay;
  asked_[token] = {entry, clock_.Now()};
  return {kValidate, set_[entry].body, token};
}

Verdict ExpiringWorkload::Judge(uint64_t token, int grpc_status,
                                absl::string_view message) {
  if (grpc_status != 0) return Verdict::kError;
  const Asked& asked = asked_[token];
  const absl::Time expires = expire_times_[asked.entry];
  bool must_be_active = false;
  if (clock_.Now() < expires - tolerance_) {
    must_be_active = true;
    ++before_;
  } else if (asked.when >= expires + tolerance_) {
    ++after_;
  } else {
    ++left_out_;
    return IsRight(message, set_[asked.entry].answer) ||
                   IsRight(message, Answer())
               ? Verdict::kRight
               : Verdict::kWrong;
  }
  return IsRight(message, must_be_active ? set_[asked.entry].answer : Answer())
             ? Verdict::kRight
             : Verdict::kWrong;
}

std::string ExpiringWorkload::Explain(uint64_t token, int grpc_status,
                                      absl::string_view message) {
  if (grpc_status != 0) return NoAnswer("Validate", grpc_status, message);
  const Asked& asked = asked_[token];
  return absl::StrCat(
      "Validate of ", set_[asked.entry].answer.session_name, " answered ",
      Describe(message), "; asked ",
      absl::FormatDuration(asked.when - expire_times_[asked.entry]),
      " from its expiry on (negative: before)");
}

}  // namespace latchkey::bench
