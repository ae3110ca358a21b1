#include "server/storage/wal_scan.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/storage/crc32c.h"

namespace latchkey {
namespace {

constexpr size_t kBlock = 32768;

// Writes a log as RocksDB does.
class LogMaker {
 public:
  void Add(const std::string& payload) {
    size_t at = 0;
    bool first = true;
    do {
      const size_t left = kBlock - bytes_.size() % kBlock;
      if (left < 7) {
        bytes_.append(left, '\0');
        continue;
      }
      const size_t size = std::min(payload.size() - at, left - 7);
      const bool last = at + size == payload.size();
      Fragment(first ? (last ? 1 : 2) : (last ? 4 : 3),
               payload.substr(at, size));
      at += size;
      first = false;
      if (last) return;
    } while (true);
  }
  void Fragment(char type, const std::string& payload) {
    uint32_t crc = Crc32c(std::string(1, type) + payload);
    crc = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
    for (int i = 0; i < 4; ++i) bytes_.push_back(crc >> (8 * i));
    bytes_.push_back(static_cast<char>(payload.size()));
    bytes_.push_back(static_cast<char>(payload.size() >> 8));
    bytes_.push_back(type);
    bytes_ += payload;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Records of many sizes, over several blocks; `ends` are their ends.
LogMaker SomeLog(std::vector<uint64_t>* ends) {
  LogMaker log;
  for (const size_t size : {10, 0, 200, 32700, 40, 70000, 1, 3}) {
    log.Add(std::string(size, 'p'));
    ends->push_back(log.bytes().size());
  }
  return log;
}

TEST(WalScan, WholeLogIsIntact) {
  std::vector<uint64_t> ends;
  const LogMaker log = SomeLog(&ends);
  const LogScan scan = ScanLog(log.bytes());
  EXPECT_TRUE(scan.intact);
  EXPECT_FALSE(scan.records_beyond);
  EXPECT_EQ(scan.records, ends.size());
  EXPECT_EQ(scan.valid_bytes, log.bytes().size());
}

TEST(WalScan, EmptyLogIsIntact) {
  const LogScan scan = ScanLog("");
  EXPECT_TRUE(scan.intact);
  EXPECT_EQ(scan.valid_bytes, 0u);
}

TEST(WalScan, LogCutAnywhereIsATornTailAtMost) {
  std::vector<uint64_t> ends;
  const std::string whole = SomeLog(&ends).bytes();
  for (size_t size = 0; size <= whole.size(); size += size % 97 + 1) {
    const LogScan scan = ScanLog(whole.substr(0, size));
    uint64_t last_end = 0;
    for (const uint64_t end : ends) {
      if (end <= size) last_end = end;
    }
    EXPECT_EQ(scan.valid_bytes, last_end) << size;
    EXPECT_FALSE(scan.records_beyond) << size;
    if (scan.intact) {
      // Nothing but the filling of a block may follow.
      EXPECT_LT(size - last_end, 7u);
    }
  }
}

TEST(WalScan, FlippedByteIsDamageUnlessInTheLastRecord) {
  std::vector<uint64_t> ends;
  const std::string whole = SomeLog(&ends).bytes();
  const size_t last_begins = ends[ends.size() - 2];
  for (size_t at = 0; at < whole.size(); at += at < 400 ? 1 : 61) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    const LogScan scan = ScanLog(flipped);
    // Filling is nobody's content.
    if (scan.intact) {
      EXPECT_EQ(whole[at], '\0');
      continue;
    }
    EXPECT_EQ(scan.records_beyond, at < last_begins) << at;
    EXPECT_LE(scan.valid_bytes, at);
  }
  std::string last = whole;
  last.back() = 'q';
  EXPECT_FALSE(ScanLog(last).intact);
  EXPECT_FALSE(ScanLog(last).records_beyond);
}

TEST(WalScan, ZeroedBlockIsDamageThoughRocksDbSkipsIt) {
  LogMaker log;
  while (log.bytes().size() < 3 * kBlock) log.Add(std::string(1000, 'p'));
  std::string zeroed = log.bytes();
  zeroed.replace(kBlock, kBlock, kBlock, '\0');
  const LogScan scan = ScanLog(zeroed);
  EXPECT_FALSE(scan.intact);
  EXPECT_TRUE(scan.records_beyond);
}

TEST(WalScan, ZerosAtTheEndAreATornTail) {
  LogMaker log;
  log.Add("one");
  const LogScan scan = ScanLog(log.bytes() + std::string(kBlock, '\0'));
  EXPECT_FALSE(scan.intact);
  EXPECT_FALSE(scan.records_beyond);
  EXPECT_EQ(scan.valid_bytes, log.bytes().size());
}

TEST(WalScan, RecordIsFoundBehindBytesThatWereLost) {
  LogMaker log;
  for (int i = 0; i < 5; ++i) log.Add(std::string(50, 'p'));
  for (size_t lost = 1; lost < 57; ++lost) {
    std::string shorter = log.bytes();
    shorter.erase(60, lost);  // every later record lies at an odd place now
    EXPECT_TRUE(ScanLog(shorter).records_beyond) << lost;
  }
}

TEST(WalScan, FragmentsOutOfOrderAreDamage) {
  for (const std::string order : {"\3", "\4", "\2\1", "\2\2", "\2\4\4"}) {
    LogMaker log;
    log.Add("one");
    for (const char type : order) log.Fragment(type, "part");
    log.Add("two");
    const LogScan scan = ScanLog(log.bytes());
    EXPECT_FALSE(scan.intact);
    EXPECT_TRUE(scan.records_beyond);
  }
}

TEST(WalScan, RecordWithoutItsEndIsATornTail) {
  LogMaker log;
  log.Add("one");
  const size_t end = log.bytes().size();
  log.Fragment(2, "first");
  log.Fragment(3, "middle");
  const LogScan scan = ScanLog(log.bytes());
  EXPECT_FALSE(scan.intact);
  EXPECT_FALSE(scan.records_beyond);
  EXPECT_EQ(scan.valid_bytes, end);
}

TEST(WalScan, TypesThatOurSettingsNeverWriteAreDamage) {
  for (const char type : {0, 5, 8, 9, 127}) {
    LogMaker log;
    log.Fragment(type, "x");
    EXPECT_FALSE(ScanLog(log.bytes()).intact);
  }
}

}  // namespace
}  // namespace latchkey
