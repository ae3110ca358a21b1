// Texts next to valid JSON, judged by our reader and by an independent one.

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "client/verify/json.h"

namespace latchkey {
namespace {

// Fixed, so that a failure comes again; any other serves as well.
constexpr unsigned kSeed = 20300101;
constexpr int kTexts = 30000;

std::string Mutate(const std::vector<std::string>& seeds,
                   const std::vector<std::string>& pieces,
                   std::mt19937* random) {
  const auto below = [random](size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(*random);
  };
  std::string text = seeds[below(seeds.size())];
  for (size_t changes = 1 + below(3); changes > 0; --changes) {
    const size_t at = below(text.size() + 1);
    switch (below(4)) {
      case 0:
        text.erase(at, 1 + below(3));
        break;
      case 1:
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      default:
        text += text.substr(at);
        break;
    }
  }
  return text;
}

// Whether the other reader takes the text; nullopt if it cannot tell, since it
// gives up at a number that no double holds.
std::optional<bool> OtherAccepts(const std::string& text) {
  try {
    return !nlohmann::json::parse(text).is_discarded();
  } catch (const nlohmann::json::out_of_range&) {
    return std::nullopt;
  } catch (const nlohmann::json::parse_error&) {
    return false;
  }
}

TEST(JsonMutation, OurReaderAcceptsNoMoreAndNoLessThanAnIndependentOne) {
  const std::vector<std::string> seeds = {
      R"({"iss":"https://a.example","aud":["x","y"],"exp":1893456000})",
      R"([{"a":-0.5e+3,"b":{"c":[[],{}]}},true,false,null])",
      "{\"\\u00e9\\ud83d\\ude00\":\"\xc3\xa9\xe2\x82\xac\\n\\\"\\\\\"}",
      R"(  "text"  )",
      "-12.75",
  };
  const std::vector<std::string> pieces = {
      "{",    "}",       "[",    "]",       "\"",           ",",
      ":",    "\\",      "\\u",  "\\ud800", "\\udc00",      "0",
      "-",    "1.5",     "e1",   " ",       "\n",           "true",
      "null", "\"a\":1", "\xc3", "\xa9",    "\xed\xa0\x80", "\xf4\x90\x80\x80",
      "//",   "[[[["};
  std::mt19937 random(kSeed);
  int accepted = 0;
  for (int i = 0; i < kTexts; ++i) {
    const std::string text = Mutate(seeds, pieces, &random);
    // The other takes NUL for the end of the text.
    if (text.find('\0') != std::string::npos) continue;
    JsonDocument document;
    const JsonFault fault = document.Parse(text, JsonLimits());
    // The other keeps the last of two members, and has no limits.
    if (fault == JsonFault::kDuplicateName || fault == JsonFault::kLimit) {
      continue;
    }
    const std::optional<bool> other = OtherAccepts(text);
    if (!other.has_value()) continue;
    ASSERT_EQ(fault == JsonFault::kNone, *other)
        << "text " << i << " of seed " << kSeed << ": " << text;
    accepted += *other ? 1 : 0;
    if (*other) {
      const nlohmann::json value = nlohmann::json::parse(text);
      ASSERT_EQ(document.root().size(),
                value.is_structured() ? value.size() : 0);
      if (value.is_string()) {
        ASSERT_EQ(document.root().AsString(), value.get<std::string>());
      }
    }
  }
  EXPECT_GT(accepted, kTexts / 20) << "too few texts are valid to say much";
  EXPECT_LT(accepted, kTexts / 2);
}

}  // namespace
}  // namespace latchkey
