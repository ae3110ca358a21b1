#ifndef LATCHKEY_SERVER_STORAGE_WAL_SCAN_H_
#define LATCHKEY_SERVER_STORAGE_WAL_SCAN_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace latchkey {

// LogScan is what a log file of RocksDB (a WAL or a MANIFEST) looks like when
// read without trust.
//
//   |<------ valid_bytes ------>|<--- what RocksDB would leave out --->|
//   +--------+--------+--------+- - - - - - - - - - - - - - - - - - - - +
//   | record | record | record | torn, or damaged?
//   +--------+--------+--------+- - - - - - - - - - - - - - - - - - - - +
//
// A write that was torn by a crash is the last thing in its file. If anything
// behind the first bad byte is a record with a right checksum, the file was
// damaged, and what lies between must not be left out quietly.
struct LogScan {
  uint64_t valid_bytes = 0;  // up to the end of the last whole record
  uint64_t records = 0;      // whole records in them
  bool intact = true;        // nothing but whole records
  // Some offset behind the bad spot begins a record with a right checksum.
  bool records_beyond = false;
};

// ScanLog reads the content of one log file: blocks of 32 KiB, in them
// fragments of checksum (4), length (2), type (1) and payload. Every byte
// offset behind the first bad spot is tried.
LogScan ScanLog(absl::string_view file);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_WAL_SCAN_H_
