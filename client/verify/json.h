#ifndef LATCHKEY_CLIENT_VERIFY_JSON_H_
#define LATCHKEY_CLIENT_VERIFY_JSON_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

namespace latchkey {

class JsonDocument;
class JsonElements;

enum class JsonKind : uint8_t {
  kNull,
  kFalse,
  kTrue,
  kNumber,
  kString,
  kArray,
  kObject,
};

// Why a text was not read.
enum class JsonFault {
  kNone,           // it was read
  kSyntax,         // not one JSON text of RFC 8259 in valid UTF-8
  kDuplicateName,  // an object has two members of one name
  kLimit,          // larger, deeper or wider than allowed
};

// Members that one object may have. Tokens carry a dozen and keys ten; the
// limit keeps the search for duplicates, which is quadratic, below the cost of
// reading the text.
inline constexpr size_t kMaxJsonMembers = 128;

struct JsonLimits {
  size_t max_bytes = 8192;
  // Arrays and objects inside each other, the outermost counted: 1 is [].
  int max_depth = 16;
};

// JsonValue is one value of a JsonDocument: a handle, cheap to copy, valid
// while the document and the text that it was read from are.
class JsonValue {
 public:
  JsonKind kind() const;
  bool IsObject() const { return kind() == JsonKind::kObject; }
  bool IsArray() const { return kind() == JsonKind::kArray; }

  // AsString returns the text of a string, its escapes undone; nullopt for any
  // other kind. It is valid UTF-8 and may hold NUL.
  std::optional<absl::string_view> AsString() const;

  // AsUint64 returns a number that is written in digits alone (no sign,
  // fraction or exponent) and fits; nullopt for all else.
  std::optional<uint64_t> AsUint64() const;

  // Find returns the member of that name, compared byte by byte after escapes
  // are undone; nullopt if there is none or this is no object.
  std::optional<JsonValue> Find(absl::string_view name) const;

  // size returns the number of elements or members; 0 for any other kind.
  size_t size() const;

  // Elements returns what an array holds, in order; nothing for any other
  // kind. For range-for.
  JsonElements Elements() const;

 private:
  friend class JsonDocument;
  friend class JsonElements;
  JsonValue(const JsonDocument* document, uint32_t index)
      : document_(document), index_(index) {}

  const JsonDocument* document_;
  uint32_t index_;
};

// JsonDocument reads one JSON text strictly: RFC 8259 to the letter, valid
// UTF-8 without surrogates, member names unique at every level, nothing after
// the value. It keeps no number as floating point.
//
// Strings without escapes are views into the text, so reading a token's few
// members allocates nothing. Reading is not thread-safe; what was read is.
class JsonDocument {
 public:
  JsonDocument() = default;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // Parse reads `text`, which must outlive every use of its values. It
  // replaces what was read before.
  [[nodiscard]] JsonFault Parse(absl::string_view text,
                                const JsonLimits& limits);

  // root returns the outermost value.
  // REQUIRES: the last Parse returned kNone.
  JsonValue root() const { return JsonValue(this, 0); }

 private:
  friend class JsonElements;
  friend class JsonReader;
  friend class JsonValue;

  // A value, or the name of a member, which its value follows. Values lie in
  // the order of the text, each before what it holds.
  struct Node {
    const char* data;  // string: its text; number: its spelling
    uint32_t size;     // bytes of data; elements or members
    uint32_t next;     // index behind this value and all it holds
    JsonKind kind;
  };

  // Enough for the header or the claims of a usual token.
  absl::InlinedVector<Node, 48> nodes_;
  // Strings with their escapes undone; never more bytes than the text has.
  std::unique_ptr<char[]> unescaped_;
};

// JsonElements is the range that JsonValue::Elements returns.
class JsonElements {
 public:
  class Iterator {
   public:
    Iterator(const JsonDocument* document, uint32_t index, size_t left)
        : document_(document), index_(index), left_(left) {}
    JsonValue operator*() const { return JsonValue(document_, index_); }
    Iterator& operator++() {
      index_ = document_->nodes_[index_].next;
      --left_;
      return *this;
    }
    bool operator!=(const Iterator& other) const {
      return left_ != other.left_;
    }

   private:
    const JsonDocument* document_;
    uint32_t index_;
    size_t left_;
  };

  JsonElements(const JsonDocument* document, uint32_t first, size_t size)
      : document_(document), first_(first), size_(size) {}
  Iterator begin() const { return Iterator(document_, first_, size_); }
  Iterator end() const { return Iterator(document_, 0, 0); }

 private:
  const JsonDocument* document_;
  uint32_t first_;
  size_t size_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_JSON_H_
