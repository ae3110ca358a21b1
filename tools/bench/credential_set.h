#ifndef LATCHKEY_TOOLS_BENCH_CREDENTIAL_SET_H_
#define LATCHKEY_TOOLS_BENCH_CREDENTIAL_SET_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "tools/bench/answer.h"
#include "tools/bench/population.h"
#include "tools/bench/token_mint.h"

namespace latchkey::bench {

// CredentialSet is credentials to ask about, as requests ready to be sent, and
// what must be answered of each.
//
// Filled by one thread; then it may be read from any.
class CredentialSet {
 public:
  struct Entry {
    std::string body;        // a framed ValidateRequest
    std::string credential;  // as it is
    Answer answer;
    absl::string_view kind;  // "opaque", "expired", ...: for messages
  };

  // Add puts one in.
  void Add(absl::string_view credential, Answer answer, absl::string_view kind);

  // AddOpaque puts in `count` live opaque sessions, spread evenly over the
  // population, or all of them if there are fewer.
  void AddOpaque(const Population& population, uint64_t count);

  // AddJwts puts in `count` tokens, each another one, over the population's
  // JWT sessions in turn.
  [[nodiscard]] absl::Status AddJwts(const Population& population,
                                     const TokenMint& mint, uint64_t count,
                                     absl::Time now);

  // AddUnknown, AddExpired and AddEnded put in credentials that are not good:
  // well-formed ones that were never given out; sessions whose time is over
  // (at most as many as there are); and those whose account has ended them.
  void AddUnknown(const Population& population, uint64_t count);
  void AddExpired(const Population& population, uint64_t count);
  void AddEnded(const Population& population, uint64_t count);

  // Append puts in all of `other`.
  void Append(const CredentialSet& other);

  size_t size() const { return entries_.size(); }
  const Entry& operator[](size_t i) const { return entries_[i]; }

 private:
  void AddSession(const Population& population, uint64_t i,
                  absl::string_view kind);

  std::vector<Entry> entries_;
};

// MixedSet returns `count` live opaque sessions and, beside them, one tenth of
// JWTs and a few that are unknown, expired and ended.
absl::StatusOr<CredentialSet> MixedSet(const Population& population,
                                       const TokenMint& mint, uint64_t count,
                                       absl::Time now);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_CREDENTIAL_SET_H_
