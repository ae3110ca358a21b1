// Logs of RocksDB, as read before it opens them: what is called whole is whole
// by itself.
#include <cstdint>

#include "server/storage/wal_scan.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

void Check(absl::string_view file) {
  const LogScan scan = ScanLog(file);
  Require(scan.valid_bytes <= file.size());
  Require(!scan.intact || !scan.records_beyond);
  // Cut off behind the last whole record, as a torn write is.
  const LogScan cut = ScanLog(file.substr(0, scan.valid_bytes));
  Require(cut.intact && !cut.records_beyond);
  Require(cut.valid_bytes == scan.valid_bytes);
  Require(cut.records == scan.records);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  latchkey::Check(latchkey::ViewOf(data, size));
  return 0;
}
