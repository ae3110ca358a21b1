// Verifying opens no file and no connection, whatever a token asks for. This
// binary stands before the C library for the calls that could, and counts.

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"

#include "client/verify/jwt_verifier.h"
#include "tests/support/vectors.h"

namespace {

std::atomic<int> opened{0};

// The definition that this binary's own hides. Counts the call.
template <typename Function>
Function* Next(const char* name) {
  ++opened;
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0
             ? static_cast<mode_t>(va_arg(arguments, int))
             : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Next<int(const char*, int, ...)>("open")(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Next<int(const char*, int, ...)>("open64")(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Next<int(int, const char*, int, ...)>("openat")(folder, path, flags,
                                                         mode);
}

FILE* fopen(const char* path, const char* mode) {
  return Next<FILE*(const char*, const char*)>("fopen")(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  return Next<FILE*(const char*, const char*)>("fopen64")(path, mode);
}

int socket(int domain, int type, int protocol) noexcept {
  return Next<int(int, int, int)>("socket")(domain, type, protocol);
}

int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                addrinfo** result) {
  return Next<int(const char*, const char*, const addrinfo*, addrinfo**)>(
      "getaddrinfo")(node, service, hints, result);
}

}  // extern "C"

namespace latchkey {
namespace {

using Json = nlohmann::ordered_json;

TEST(NoFiles, TheCountersCount) {
  opened = 0;
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(file);
  std::FILE* const stream = std::fopen("/dev/null", "re");
  ASSERT_NE(stream, nullptr);
  std::fclose(stream);
  const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  close(connection);
  EXPECT_GE(opened, 3);
  // Also what a shared library opens: OpenSSL, here.
  opened = 0;
  auto* const load = reinterpret_cast<void* (*)(const char*, const char*)>(
      dlsym(RTLD_DEFAULT, "BIO_new_file"));
  auto* const release =
      reinterpret_cast<int (*)(void*)>(dlsym(RTLD_DEFAULT, "BIO_free"));
  ASSERT_NE(load, nullptr);
  release(load("/dev/null", "r"));
  EXPECT_EQ(opened, 1);
}

TEST(NoFiles, NoTokenAndNoKeySetOpensOne) {
  const Json tokens = ReadVectors("hostile_tokens.json");
  const Json sets = ReadVectors("hostile_jwks.json");
  // The first use of OpenSSL in a process reads its configuration.
  const KeySet keys = *KeySet::FromJwks(tokens.at("jwks").dump());
  Expectations expect;
  expect.issuer = tokens.at("context").at("issuer");
  expect.audience = tokens.at("context").at("audience").get<std::string>();
  expect.clock_skew = kMaxClockSkew;
  const absl::Time now = absl::FromUnixSeconds(1893456000);
  size_t accepted = 0;
  opened = 0;
  for (const char* group :
       {"controls_must_be_accepted", "cases_must_be_refused",
        "policy_either_way_but_never_crash"}) {
    for (const Json& token : tokens.at(group)) {
      const std::string text = token.at("token");
      if (VerifyJwt(text, keys, expect, now).ok()) {
        ++accepted;
        EXPECT_TRUE(VerifySignatureOnly(text, keys).ok());
      }
    }
  }
  EXPECT_EQ(opened, 0);
  EXPECT_EQ(accepted, 11u + 4u) << "controls, and policy cases as we chose";
  for (const Json& set : sets.at("cases")) {
    std::string text;
    if (set.contains("jwks_text")) {
      text = set.at("jwks_text");
    } else {
      text = set.at("jwks").dump();
    }
    const auto loaded = KeySet::FromJwks(text);
    EXPECT_EQ(opened, 0) << set.at("name") << loaded.status();
  }
}

}  // namespace
}  // namespace latchkey
