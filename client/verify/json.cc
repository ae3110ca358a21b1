#include "client/verify/json.h"

#include <array>
#include <cstring>
#include <limits>

#include "client/base/utf8.h"

namespace latchkey {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// True for the characters of a string that need no second look: printable
// ASCII but the quote and the backslash.
constexpr std::array<bool, 256> MakePlain() {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}

constexpr std::array<bool, 256> kPlain = MakePlain();

// The names of claims mostly have the same size and another first character,
// which spares the call.
bool IsSame(const char* a, size_t a_size, const char* b, size_t b_size) {
  return a_size == b_size &&
         (a_size == 0 || (*a == *b && std::memcmp(a, b, a_size) == 0));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

// Descends over the text once. Each Read* returns false after setting fault_,
// and leaves at_ behind what it read.
class JsonReader {
 public:
  JsonReader(absl::string_view text, int max_depth, JsonDocument* document)
      : at_(text.data()),
        end_(text.data() + text.size()),
        text_size_(text.size()),
        depth_left_(max_depth),
        document_(document) {}

  JsonFault Read() {
    SkipSpace();
    if (!ReadValue()) return fault_;
    SkipSpace();
    return at_ == end_ ? JsonFault::kNone : JsonFault::kSyntax;
  }

 private:
  using Node = JsonDocument::Node;

  bool Fail(JsonFault fault) {
    fault_ = fault;
    return false;
  }
  bool FailSyntax() { return Fail(JsonFault::kSyntax); }

  void SkipSpace() {
    while (at_ != end_ &&
           (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) {
      ++at_;
    }
  }

  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  uint32_t Add(JsonKind kind, const char* data, size_t size) {
    const auto index = static_cast<uint32_t>(document_->nodes_.size());
    document_->nodes_.push_back(
        Node{data, static_cast<uint32_t>(size), index + 1, kind});
    return index;
  }

  bool ReadValue() {
    if (at_ == end_) return FailSyntax();
    switch (*at_) {
      case '{':
        return ReadObject();
      case '[':
        return ReadArray();
      case '"':
        return ReadString();
      case 't':
        return ReadWord("true", JsonKind::kTrue);
      case 'f':
        return ReadWord("false", JsonKind::kFalse);
      case 'n':
        return ReadWord("null", JsonKind::kNull);
      default:
        return ReadNumber();
    }
  }

  bool ReadWord(absl::string_view word, JsonKind kind) {
    if (static_cast<size_t>(end_ - at_) < word.size() ||
        std::memcmp(at_, word.data(), word.size()) != 0) {
      return FailSyntax();
    }
    at_ += word.size();
    Add(kind, nullptr, 0);
    return true;
  }

  bool ReadDigits() {
    if (at_ == end_ || !IsDigit(*at_)) return false;
    while (at_ != end_ && IsDigit(*at_)) ++at_;
    return true;
  }

  bool ReadNumber() {
    const char* const start = at_;
    Take('-');
    if (!Take('0') && !ReadDigits()) return FailSyntax();
    if (Take('.') && !ReadDigits()) return FailSyntax();
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!ReadDigits()) return FailSyntax();
    }
    // "007" ends here after its first zero; what follows a value tells.
    Add(JsonKind::kNumber, start, static_cast<size_t>(at_ - start));
    return true;
  }

  bool ReadArray() {
    if (depth_left_ == 0) return Fail(JsonFault::kLimit);
    --depth_left_;
    ++at_;
    const uint32_t array = Add(JsonKind::kArray, nullptr, 0);
    uint32_t size = 0;
    SkipSpace();
    if (!Take(']')) {
      do {
        SkipSpace();
        if (!ReadValue()) return false;
        ++size;
        SkipSpace();
      } while (Take(','));
      if (!Take(']')) return FailSyntax();
    }
    Close(array, size);
    return true;
  }

  bool ReadObject() {
    if (depth_left_ == 0) return Fail(JsonFault::kLimit);
    --depth_left_;
    ++at_;
    const uint32_t object = Add(JsonKind::kObject, nullptr, 0);
    uint32_t size = 0;
    SkipSpace();
    if (!Take('}')) {
      do {
        SkipSpace();
        if (!ReadName(object, size)) return false;
        SkipSpace();
        if (!Take(':')) return FailSyntax();
        SkipSpace();
        if (!ReadValue()) return false;
        ++size;
        SkipSpace();
      } while (Take(','));
      if (!Take('}')) return FailSyntax();
    }
    Close(object, size);
    return true;
  }

  void Close(uint32_t index, uint32_t size) {
    Node& node = document_->nodes_[index];
    node.size = size;
    node.next = static_cast<uint32_t>(document_->nodes_.size());
    ++depth_left_;
  }

  // Reads the name of member number `count` of `object`.
  bool ReadName(uint32_t object, uint32_t count) {
    if (count == kMaxJsonMembers) return Fail(JsonFault::kLimit);
    if (at_ == end_ || *at_ != '"') return FailSyntax();
    if (!ReadString()) return false;
    const Node* const nodes = document_->nodes_.data();
    const Node& name = document_->nodes_.back();
    uint32_t index = object + 1;
    for (uint32_t i = 0; i < count; ++i) {
      if (IsSame(nodes[index].data, nodes[index].size, name.data, name.size)) {
        return Fail(JsonFault::kDuplicateName);
      }
      index = nodes[index + 1].next;
    }
    return true;
  }

  bool ReadString() {
    const char* const start = ++at_;
    while (at_ != end_) {
      if (kPlain[static_cast<uint8_t>(*at_)]) {
        ++at_;
      } else if (*at_ == '"') {
        Add(JsonKind::kString, start, static_cast<size_t>(at_ - start));
        ++at_;
        return true;
      } else if (*at_ == '\\') {
        return ReadEscapedString(start);
      } else if (!SkipUtf8()) {
        return FailSyntax();
      }
    }
    return FailSyntax();
  }

  // Skips one character outside ASCII. A control character is none.
  bool SkipUtf8() {
    if (static_cast<uint8_t>(*at_) < 0x80) return false;
    const size_t size = Utf8SequenceSize(
        absl::string_view(at_, static_cast<size_t>(end_ - at_)));
    at_ += size;
    return size != 0;
  }

  // Goes on with a string at its first backslash, copying it from `start`.
  bool ReadEscapedString(const char* start) {
    if (document_->unescaped_ == nullptr) {
      document_->unescaped_.reset(new char[text_size_]);
    }
    char* const copy = document_->unescaped_.get() + unescaped_size_;
    char* out = copy;
    std::memcpy(out, start, static_cast<size_t>(at_ - start));
    out += at_ - start;
    while (at_ != end_) {
      if (*at_ == '"') {
        ++at_;
        const auto size = static_cast<size_t>(out - copy);
        unescaped_size_ += size;
        Add(JsonKind::kString, copy, size);
        return true;
      }
      if (*at_ == '\\') {
        ++at_;
        if (!ReadEscape(&out)) return FailSyntax();
        continue;
      }
      const char* const from = at_;
      if (kPlain[static_cast<uint8_t>(*at_)]) {
        ++at_;
      } else if (!SkipUtf8()) {
        return FailSyntax();
      }
      std::memcpy(out, from, static_cast<size_t>(at_ - from));
      out += at_ - from;
    }
    return FailSyntax();
  }

  // Reads what follows a backslash; writes fewer bytes than it reads.
  bool ReadEscape(char** out) {
    if (at_ == end_) return false;
    const char c = *at_++;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        *(*out)++ = c;
        return true;
      case 'b':
        *(*out)++ = '\b';
        return true;
      case 'f':
        *(*out)++ = '\f';
        return true;
      case 'n':
        *(*out)++ = '\n';
        return true;
      case 'r':
        *(*out)++ = '\r';
        return true;
      case 't':
        *(*out)++ = '\t';
        return true;
      case 'u':
        return ReadUnicodeEscape(out);
      default:
        return false;
    }
  }

  bool ReadUnicodeEscape(char** out) {
    uint32_t code = 0;
    if (!ReadFourHex(&code)) return false;
    if (code >= 0xdc00 && code <= 0xdfff) return false;
    if (code >= 0xd800 && code <= 0xdbff) {
      uint32_t low = 0;
      if (!Take('\\') || !Take('u') || !ReadFourHex(&low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *out += WriteUtf8(code, *out);
    return true;
  }

  bool ReadFourHex(uint32_t* code) {
    if (end_ - at_ < 4) return false;
    for (int i = 0; i < 4; ++i) {
      const int digit = HexDigit(*at_++);
      if (digit < 0) return false;
      *code = *code << 4 | static_cast<uint32_t>(digit);
    }
    return true;
  }

  const char* at_;
  const char* const end_;
  const size_t text_size_;
  int depth_left_;
  size_t unescaped_size_ = 0;
  JsonDocument* const document_;
  JsonFault fault_ = JsonFault::kNone;
};

JsonFault JsonDocument::Parse(absl::string_view text,
                              const JsonLimits& limits) {
  nodes_.clear();
  unescaped_.reset();
  if (text.size() > limits.max_bytes ||
      text.size() > std::numeric_limits<uint32_t>::max()) {
    return JsonFault::kLimit;
  }
  return JsonReader(text, limits.max_depth, this).Read();
}

JsonKind JsonValue::kind() const { return document_->nodes_[index_].kind; }

std::optional<absl::string_view> JsonValue::AsString() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  if (node.kind != JsonKind::kString) return std::nullopt;
  return absl::string_view(node.data, node.size);
}

std::optional<uint64_t> JsonValue::AsUint64() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  if (node.kind != JsonKind::kNumber) return std::nullopt;
  uint64_t value = 0;
  for (const char c : absl::string_view(node.data, node.size)) {
    if (!IsDigit(c)) return std::nullopt;
    if (__builtin_mul_overflow(value, uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value)) {
      return std::nullopt;
    }
  }
  return value;
}

std::optional<JsonValue> JsonValue::Find(absl::string_view name) const {
  const JsonDocument::Node& object = document_->nodes_[index_];
  if (object.kind != JsonKind::kObject) return std::nullopt;
  const JsonDocument::Node* const nodes = document_->nodes_.data();
  uint32_t index = index_ + 1;
  for (uint32_t i = 0; i < object.size; ++i) {
    const JsonDocument::Node& node = nodes[index];
    if (IsSame(node.data, node.size, name.data(), name.size())) {
      return JsonValue(document_, index + 1);
    }
    index = nodes[index + 1].next;
  }
  return std::nullopt;
}

size_t JsonValue::size() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  const bool holds =
      node.kind == JsonKind::kArray || node.kind == JsonKind::kObject;
  return holds ? node.size : 0;
}

JsonElements JsonValue::Elements() const {
  return JsonElements(document_, index_ + 1, IsArray() ? size() : 0);
}

}  // namespace latchkey
