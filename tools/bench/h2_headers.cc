#include "tools/bench/h2_headers.h"

#include <nghttp2/nghttp2.h>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace latchkey::bench {
namespace {

// RFC 7541. The first bits of a field's line say what it is:
//   1xxxxxxx  a field of the table, by index
//   01xxxxxx  a field to enter into the table; x the index of its name, or 0
//   0000xxxx  a field not to enter
// An index counts the static table's 61 fields, then ours, newest first.
constexpr char kMethodPost = '\x83';
constexpr char kSchemeHttp = '\x86';
constexpr char kEnterAuthority = 0x40 | 1;
constexpr char kEnterPath = 0x40 | 4;
constexpr char kPathAsIs = 4;
constexpr char kEnterContentType = 0x40 | 31;
constexpr char kEnterUserAgent = 0x40 | 58;
constexpr char kEnterNewName = 0x40;
constexpr uint64_t kFirstDynamic = 62;

// So that the table never overflows: 16 paths of 150 bytes and an entry's
// overhead of 32 + 5 are 3,000 of 4,096 bytes; the common ones need 300.
constexpr size_t kMaxKnownPaths = 16;
constexpr size_t kMaxKnownPathBytes = 150;

constexpr uint64_t kCommonFields = 5;

void AppendString(absl::string_view text, std::string* out) {
  size_t length = text.size();
  if (length < 127) {
    out->push_back(static_cast<char>(length));
  } else {
    out->push_back(127);
    for (length -= 127; length >= 128; length >>= 7) {
      out->push_back(static_cast<char>(0x80 | (length & 0x7f)));
    }
    out->push_back(static_cast<char>(length));
  }
  absl::StrAppend(out, text);
}

absl::string_view ViewOf(const uint8_t* bytes, size_t length) {
  return {reinterpret_cast<const char*>(bytes), length};
}

// Undoes the percent-encoding of grpc-message; what is none stays as it is.
std::string PercentDecoded(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2])) {
      decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

void Note(absl::string_view name, absl::string_view value,
          AnswerHeaders* headers) {
  int number = 0;
  if (name == "grpc-status") {
    headers->grpc_status =
        absl::SimpleAtoi(value, &number) && number >= 0 ? number : -1;
  } else if (name == ":status") {
    headers->http_status = absl::SimpleAtoi(value, &number) ? number : -1;
  } else if (name == "grpc-message") {
    headers->grpc_message = PercentDecoded(value);
  }
}

}  // namespace

RequestHeaderWriter::RequestHeaderWriter(std::string authority)
    : authority_(std::move(authority)) {}

char RequestHeaderWriter::IndexOf(uint64_t number) const {
  return static_cast<char>(0x80 | (kFirstDynamic + entries_ - 1 - number));
}

void RequestHeaderWriter::AppendCommon(std::string* out) {
  if (common_known_) {
    for (uint64_t i = 0; i < kCommonFields; ++i) {
      out->push_back(IndexOf(first_common_ + i));
    }
    return;
  }
  out->push_back(kEnterAuthority);
  AppendString(authority_, out);
  out->push_back(kEnterNewName);
  AppendString("te", out);
  AppendString("trailers", out);
  out->push_back(kEnterContentType);
  AppendString("application/grpc", out);
  out->push_back(kEnterUserAgent);
  AppendString("latchkey-bench", out);
  out->push_back(kEnterNewName);
  AppendString("grpc-accept-encoding", out);
  AppendString("identity", out);
  first_common_ = entries_;
  entries_ += kCommonFields;
  common_known_ = true;
}

void RequestHeaderWriter::Append(absl::string_view path, std::string* out) {
  for (KnownPath& known : paths_) {
    if (known.path != path) continue;
    if (known.table_size != entries_) {
      known.block = {kMethodPost, kSchemeHttp, IndexOf(known.number)};
      AppendCommon(&known.block);
      known.table_size = entries_;
    }
    absl::StrAppend(out, known.block);
    return;
  }
  out->push_back(kMethodPost);
  out->push_back(kSchemeHttp);
  if (paths_.size() < kMaxKnownPaths && path.size() <= kMaxKnownPathBytes) {
    out->push_back(kEnterPath);
    paths_.push_back({.path = std::string(path), .number = entries_++});
  } else {
    out->push_back(kPathAsIs);
  }
  AppendString(path, out);
  AppendCommon(out);
}

AnswerHeaderReader::AnswerHeaderReader() {
  // It fails only if there is no memory; Read then refuses every block.
  nghttp2_hd_inflate_new(&inflater_);
}

AnswerHeaderReader::~AnswerHeaderReader() { nghttp2_hd_inflate_del(inflater_); }

absl::Status AnswerHeaderReader::Read(absl::string_view block,
                                      AnswerHeaders* headers) {
  const auto* in = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  while (inflater_ != nullptr) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, in,
                                                left, /*in_final=*/1);
    if (used < 0) break;
    in += used;
    left -= static_cast<size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      Note(ViewOf(field.name, field.namelen),
           ViewOf(field.value, field.valuelen), headers);
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(inflater_);
      return absl::OkStatus();
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) break;
  }
  return absl::DataLossError("headers that are no HPACK");
}

}  // namespace latchkey::bench
