#ifndef LATCHKEY_TOOLS_BENCH_H2_HEADERS_H_
#define LATCHKEY_TOOLS_BENCH_H2_HEADERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct nghttp2_hd_inflater;

namespace latchkey::bench {

// RequestHeaderWriter writes the HPACK blocks of gRPC requests on one
// connection. As a gRPC client does, it puts every header into the table of
// the connection the first time and sends its number from then on, the path
// included (nghttp2's own encoder would spell the path out in every request,
// and the server under measure would pay for reading it).
//
// REQUIRES: the peer's header table holds 4,096 bytes, as it does by default,
// and the blocks are sent in the order in which they were written.
class RequestHeaderWriter {
 public:
  explicit RequestHeaderWriter(std::string authority);

  // Append adds the block of a request for `path` to `out`.
  void Append(absl::string_view path, std::string* out);

 private:
  struct KnownPath {
    std::string path;
    uint64_t number;    // of its table entry, counted from the first
    std::string block;  // valid while the table has `table_size` entries
    uint64_t table_size;
  };

  char IndexOf(uint64_t number) const;
  void AppendCommon(std::string* out);

  const std::string authority_;
  std::vector<KnownPath> paths_;
  uint64_t entries_ = 0;  // in the peer's table
  uint64_t first_common_ = 0;
  bool common_known_ = false;
};

// AnswerHeaders is what a client looks at in a gRPC answer's headers and
// trailers.
struct AnswerHeaders {
  int http_status = 0;   // zero: absent
  int grpc_status = -1;  // -1: absent or no number
  std::string grpc_message;
};

// AnswerHeaderReader reads the HPACK blocks of the answers on one connection,
// all of them and in their order.
class AnswerHeaderReader {
 public:
  AnswerHeaderReader();
  ~AnswerHeaderReader();
  AnswerHeaderReader(const AnswerHeaderReader&) = delete;
  AnswerHeaderReader& operator=(const AnswerHeaderReader&) = delete;

  // Read adds what stands in `block` to `headers`.
  //   kDataLoss  it is no HPACK block; the connection cannot go on
  absl::Status Read(absl::string_view block, AnswerHeaders* headers);

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_H2_HEADERS_H_
