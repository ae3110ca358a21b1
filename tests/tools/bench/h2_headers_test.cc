#include "tools/bench/h2_headers.h"

#include <gtest/gtest.h>
#include <map>
#include <nghttp2/nghttp2.h>
#include <string>

#include "absl/strings/str_cat.h"

namespace latchkey::bench {
namespace {

using Fields = std::map<std::string, std::string>;

// PeerTable decodes what a RequestHeaderWriter wrote, as a server does.
class PeerTable {
 public:
  PeerTable() { nghttp2_hd_inflate_new(&inflater_); }
  ~PeerTable() { nghttp2_hd_inflate_del(inflater_); }

  Fields Decode(const std::string& block) {
    Fields fields;
    const auto* in = reinterpret_cast<const uint8_t*>(block.data());
    size_t left = block.size();
    int flags = 0;
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
      nghttp2_nv field;
      const ssize_t used =
          nghttp2_hd_inflate_hd2(inflater_, &field, &flags, in, left, 1);
      if (used < 0) return {};
      in += used;
      left -= static_cast<size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) continue;
      fields[std::string(field.name, field.name + field.namelen)] =
          std::string(field.value, field.value + field.valuelen);
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return fields;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

Fields RequestFor(const std::string& path) {
  return {{":method", "POST"},
          {":scheme", "http"},
          {":path", path},
          {":authority", "127.0.0.1:7870"},
          {"te", "trailers"},
          {"content-type", "application/grpc"},
          {"user-agent", "latchkey-bench"},
          {"grpc-accept-encoding", "identity"}};
}

std::string Written(RequestHeaderWriter& writer, absl::string_view path) {
  std::string block;
  writer.Append(path, &block);
  return block;
}

TEST(RequestHeaderWriter, APeerReadsEveryRequest) {
  RequestHeaderWriter writer("127.0.0.1:7870");
  PeerTable peer;
  for (const char* path : {"/a/One", "/a/One", "/a/Two", "/a/One", "/a/Two",
                           "/a/Three", "/a/One", "/a/One"}) {
    EXPECT_EQ(peer.Decode(Written(writer, path)), RequestFor(path));
  }
}

TEST(RequestHeaderWriter, ARepeatedRequestIsAByteAField) {
  RequestHeaderWriter writer("127.0.0.1:7870");
  Written(writer, "/a/One");
  EXPECT_EQ(Written(writer, "/a/One").size(), 8);
}

TEST(RequestHeaderWriter, MorePathsThanItNumbersAreSpelledOut) {
  RequestHeaderWriter writer("127.0.0.1:7870");
  PeerTable peer;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) {
      const std::string path = absl::StrCat("/a/", std::string(140, 'm'), i);
      EXPECT_EQ(peer.Decode(Written(writer, path)), RequestFor(path));
    }
  }
}

TEST(RequestHeaderWriter, LongPathsAreSpelledOut) {
  RequestHeaderWriter writer("127.0.0.1:7870");
  PeerTable peer;
  for (const size_t length : {125, 126, 127, 128, 150, 151, 254, 255, 9000}) {
    const std::string path = "/" + std::string(length - 1, 'p');
    for (int round = 0; round < 2; ++round) {
      EXPECT_EQ(peer.Decode(Written(writer, path)), RequestFor(path)) << length;
    }
  }
}

// Literals without entering a table: 0, name, value.
std::string Literal(absl::string_view name, absl::string_view value) {
  return absl::StrCat(std::string(1, '\0'),
                      std::string(1, static_cast<char>(name.size())), name,
                      std::string(1, static_cast<char>(value.size())), value);
}

TEST(AnswerHeaderReader, ReadsWhatGrpcSends) {
  AnswerHeaderReader reader;
  AnswerHeaders headers;
  ASSERT_TRUE(reader.Read("\x88", &headers).ok());  // :status 200
  EXPECT_EQ(headers.http_status, 200);
  EXPECT_EQ(headers.grpc_status, -1);
  ASSERT_TRUE(reader
                  .Read(Literal("grpc-status", "8") +
                            Literal("grpc-message", "too%20many%, sorry%2"),
                        &headers)
                  .ok());
  EXPECT_EQ(headers.grpc_status, 8);
  EXPECT_EQ(headers.grpc_message, "too many%, sorry%2");
}

TEST(AnswerHeaderReader, AStatusThatIsNoNumberIsNone) {
  for (const char* text : {"", "ok", "-1", "1x", "99999999999"}) {
    AnswerHeaderReader reader;
    AnswerHeaders headers;
    ASSERT_TRUE(reader.Read(Literal("grpc-status", text), &headers).ok());
    EXPECT_EQ(headers.grpc_status, -1) << text;
  }
}

TEST(AnswerHeaderReader, RefusesWhatIsNoHpack) {
  AnswerHeaders headers;
  // An index beyond the table; a string cut short.
  for (const char* block : {"\xff\x20", "\x40\x05te"}) {
    AnswerHeaderReader reader;
    EXPECT_EQ(reader.Read(block, &headers).code(), absl::StatusCode::kDataLoss);
  }
}

TEST(AnswerHeaderReader, AnEmptyBlockSaysNothing) {
  AnswerHeaderReader reader;
  AnswerHeaders headers;
  EXPECT_TRUE(reader.Read("", &headers).ok());
  EXPECT_EQ(headers.http_status, 0);
}

}  // namespace
}  // namespace latchkey::bench
