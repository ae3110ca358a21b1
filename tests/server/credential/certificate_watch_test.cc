#include "server/credential/certificate_watch.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/credential/certificate_maker.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CertificateWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(
        ::testing::TempDir(), "/certificate_watch.", getpid(), ".",
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(std::filesystem::create_directory(folder_));
    files_ = {folder_ + "/chain", folder_ + "/key", folder_ + "/ca"};
    log_ = *Log::ToFile(folder_ + "/log", LogLevel::kDebug, clock_);
    Offer(Make());
    Write(files_.client_ca, Make(true).certificate);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  MadeCertificate Make(bool ca = false, absl::Duration life = absl::Hours(24)) {
    return MakeCertificate({.begin = clock_.Now() - absl::Hours(1),
                            .end = clock_.Now() + life,
                            .ca = ca},
                           nullptr);
  }
  void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  }
  void Offer(const MadeCertificate& made) {
    Write(files_.chain, made.certificate);
    Write(files_.key, made.key);
  }
  std::unique_ptr<CertificateWatch> Open() {
    auto watch = CertificateWatch::Open(files_, clock_, *log_);
    EXPECT_TRUE(watch.ok()) << watch.status();
    return *std::move(watch);
  }
  void ExpectNotOpened(const std::string& path, const char* why) {
    const auto watch = CertificateWatch::Open(files_, clock_, *log_);
    EXPECT_EQ(watch.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(watch.status().message()), HasSubstr(path));
    EXPECT_THAT(std::string(watch.status().message()), HasSubstr(why));
  }
  // What was written settles, and is judged.
  static void PollTwice(CertificateWatch& watch) {
    watch.Poll();
    watch.Poll();
  }
  std::string Logged() {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/log").rdbuf();
    return text.str();
  }

  FakeClock clock_;
  std::string folder_;
  CertificateFiles files_;
  std::unique_ptr<Log> log_;
};

TEST_F(CertificateWatchTest, ServesWhatTheFilesHoldAtFirst) {
  const MadeCertificate made = Make();
  Offer(made);
  const auto watch = Open();
  EXPECT_EQ(watch->Current()->pem().chain, made.certificate);
  EXPECT_EQ(watch->Current()->pem().key.Reveal(), made.key);
  EXPECT_NE(watch->Current()->pem().client_ca, "");
}

TEST_F(CertificateWatchTest, DoesNotOpenOverBadFiles) {
  ASSERT_EQ(chmod(files_.key.c_str(), 0604), 0);
  ExpectNotOpened(files_.key, "open to everyone");
  ASSERT_EQ(chmod(files_.key.c_str(), 0640), 0);
  EXPECT_TRUE(CertificateWatch::Open(files_, clock_, *log_).ok());
  Write(files_.client_ca, "");
  ExpectNotOpened(files_.client_ca, "is empty");
  Write(files_.client_ca, std::string(kMaxClientCaBytes + 1, '\n'));
  ExpectNotOpened(files_.client_ca, "has over 262144 bytes");
  files_.client_ca.clear();
  Write(files_.key, Make().key);
  ExpectNotOpened("", "does not belong");
  std::filesystem::remove(files_.key);
  ExpectNotOpened(files_.key, "No such file");
  std::filesystem::create_directory(files_.key);
  ExpectNotOpened(files_.key, "is not a file");
  std::filesystem::remove(files_.key);
  ASSERT_EQ(mkfifo(files_.key.c_str(), 0600), 0);
  ExpectNotOpened(files_.key, "is not a file");
}

TEST_F(CertificateWatchTest, ANewPairTakesThePlaceOfTheOldOnceItHasSettled) {
  const auto watch = Open();
  const auto old = watch->Current();
  PollTwice(*watch);
  EXPECT_EQ(watch->Current(), old);
  const MadeCertificate made = Make();
  Offer(made);
  watch->Poll();
  EXPECT_EQ(watch->Current(), old);
  watch->Poll();
  EXPECT_EQ(watch->Current()->pem().chain, made.certificate);
  EXPECT_EQ(watch->counts().loaded, 1u);
  EXPECT_EQ(watch->counts().refused, 0u);
  EXPECT_THAT(Logged(), HasSubstr("certificate replaced"));
  // Who has the old one may go on with it.
  EXPECT_NE(old->pem().chain, made.certificate);
}

TEST_F(CertificateWatchTest, HalfAPairIsNotJudgedWhileItIsWritten) {
  const auto watch = Open();
  const MadeCertificate made = Make();
  Write(files_.chain, made.certificate);
  watch->Poll();
  Write(files_.key, made.key);
  PollTwice(*watch);
  EXPECT_EQ(watch->Current()->pem().chain, made.certificate);
  EXPECT_EQ(watch->counts().refused, 0u);
}

TEST_F(CertificateWatchTest, ABadPairIsLoggedAndCountedOnceAndTheOldOneStays) {
  const auto watch = Open();
  const auto old = watch->Current();
  Write(files_.key, Make().key);
  for (int i = 0; i < 5; ++i) watch->Poll();
  EXPECT_EQ(watch->Current(), old);
  EXPECT_EQ(watch->counts().refused, 1u);
  EXPECT_THAT(Logged(), HasSubstr("does not belong"));
  EXPECT_THAT(Logged(), Not(HasSubstr("PRIVATE KEY")));

  // Another bad one of the same kind counts anew.
  Write(files_.key, Make().key);
  PollTwice(*watch);
  EXPECT_EQ(watch->counts().refused, 2u);

  const MadeCertificate made = Make();
  Offer(made);
  PollTwice(*watch);
  EXPECT_EQ(watch->Current()->pem().chain, made.certificate);
  EXPECT_EQ(watch->counts().loaded, 1u);
}

TEST_F(CertificateWatchTest, FilesThatAreGoneAreARefusalAndComeBack) {
  const auto watch = Open();
  const auto old = watch->Current();
  std::filesystem::rename(files_.key, files_.key + "x");
  PollTwice(*watch);
  std::filesystem::rename(files_.key + "x", files_.key);
  PollTwice(*watch);
  EXPECT_EQ(watch->counts().refused, 1u);
  std::filesystem::rename(files_.key, files_.key + "x");
  PollTwice(*watch);
  EXPECT_EQ(watch->counts().refused, 2u);
  EXPECT_EQ(watch->Current(), old);
}

TEST_F(CertificateWatchTest, WantOfDescriptorsIsNoRefusal) {
  const auto watch = Open();
  const auto old = watch->Current();
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  PollTwice(*watch);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(watch->counts().refused, 0u);
  EXPECT_EQ(watch->Current(), old);
  EXPECT_EQ(Logged(), "");
}

TEST_F(CertificateWatchTest, NewClientCasAreANewSet) {
  const auto watch = Open();
  const std::string ca = Make(true).certificate;
  Write(files_.client_ca, ca);
  PollTwice(*watch);
  EXPECT_EQ(watch->Current()->pem().client_ca, ca);
  Write(files_.client_ca, "not a CA");
  PollTwice(*watch);
  EXPECT_EQ(watch->Current()->pem().client_ca, ca);
  EXPECT_EQ(watch->counts().refused, 1u);
}

TEST_F(CertificateWatchTest, APairThatComesTooEarlyIsTakenWhenItsTimeHasCome) {
  const auto watch = Open();
  const MadeCertificate later =
      MakeCertificate({.begin = clock_.Now() + absl::Hours(1),
                       .end = clock_.Now() + absl::Hours(48)},
                      nullptr);
  Offer(later);
  PollTwice(*watch);
  EXPECT_EQ(watch->counts().refused, 1u);
  clock_.Advance(absl::Hours(1));
  watch->Poll();
  EXPECT_EQ(watch->Current()->pem().chain, later.certificate);
}

TEST_F(CertificateWatchTest, SaysOnceThatTheOneInUseHasExpired) {
  Offer(Make(false, absl::Hours(2)));
  const auto watch = Open();
  clock_.Advance(absl::Hours(2));
  PollTwice(*watch);
  const std::string logged = Logged();
  const size_t said = logged.find("has expired");
  ASSERT_NE(said, std::string::npos);
  EXPECT_EQ(logged.find("has expired", said + 1), std::string::npos);
}

TEST_F(CertificateWatchTest, ItsThreadEndsWhenStopped) {
  const auto watch = Open();
  watch->Start(absl::Hours(1));
  watch->Stop();
  watch->Stop();
}

}  // namespace
}  // namespace latchkey
