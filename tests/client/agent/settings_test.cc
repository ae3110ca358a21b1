#include "client/agent/settings.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> kLeast = {"--issuer", "us", "--listen",
                                         "unix:/s"};

std::vector<std::string> With(std::vector<std::string> more) {
  more.insert(more.begin(), kLeast.begin(), kLeast.end());
  return more;
}

AgentSettings Good(const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment = {}) {
  auto read = ReadAgentSettings(arguments, environment);
  const auto* instead = std::get_if<AgentInstead>(&read);
  if (instead != nullptr) {
    ADD_FAILURE() << instead->text;
    return {};
  }
  return std::get<AgentSettings>(std::move(read));
}

std::string Refused(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment = {}) {
  const auto read = ReadAgentSettings(arguments, environment);
  const auto* instead = std::get_if<AgentInstead>(&read);
  if (instead == nullptr) return "not refused";
  EXPECT_EQ(instead->exit_status, 2);
  EXPECT_EQ(instead->text.find('\n'), std::string::npos) << instead->text;
  return instead->text;
}

TEST(AgentSettings, DefaultsNeedOnlyAnIssuerAndAPath) {
  const AgentSettings settings = Good(kLeast);
  EXPECT_EQ(settings.channel.target, "127.0.0.1:7870");
  EXPECT_EQ(settings.verifier.issuer, "us");
  EXPECT_EQ(settings.socket_path(), "/s");
  EXPECT_EQ(settings.socket_mode, mode_t{0600});
  EXPECT_EQ(settings.max_connections, 512);
  EXPECT_EQ(settings.ask_timeout, absl::Seconds(5));
  EXPECT_THAT(Refused({"--listen", "unix:/s"}), HasSubstr("--issuer"));
  EXPECT_THAT(Refused({"--issuer", "us"}), HasSubstr("--listen"));
}

TEST(AgentSettings, ThePathIsThatOfTheUserIfThereIsOne) {
  EXPECT_EQ(Good({"--issuer", "us"}, {"XDG_RUNTIME_DIR=/run/user/1"}).listen,
            "unix:/run/user/1/latchkey-agent.sock");
  EXPECT_EQ(Good(kLeast, {"XDG_RUNTIME_DIR=/run/user/1"}).listen, "unix:/s");
  // Whatever it is called, it is no setting of ours.
  EXPECT_EQ(
      Good({"--issuer", "us"}, {"XDG_RUNTIME_DIR=/LATCHKEY_AGENT_X=1"}).listen,
      "unix:/LATCHKEY_AGENT_X=1/latchkey-agent.sock");
}

TEST(AgentSettings, ListensOnAbsolutePathsAlone) {
  for (const char* wrong :
       {"127.0.0.1:1", "unix:", "unix:s", "/s", "unix-abstract:s"}) {
    EXPECT_THAT(Refused({"--issuer", "us", "--listen", wrong}),
                HasSubstr("--listen"));
  }
  const std::string longest = "unix:/" + std::string(106, 'x');
  EXPECT_EQ(Good({"--issuer", "us", "--listen", longest}).listen, longest);
  EXPECT_THAT(Refused({"--issuer", "us", "--listen", longest + "x"}),
              HasSubstr("--listen"));
}

TEST(AgentSettings, FlagsWinOverTheEnvironment) {
  const std::vector<std::string> environment = {
      "LATCHKEY_AGENT_SERVER=a:1", "LATCHKEY_AGENT_ISSUER=them",
      "LATCHKEY_AGENT_INSECURE=true", "LATCHKEY_DATA_DIR=/d"};
  const AgentSettings settings = Good(With({"--server", "b:1"}), environment);
  EXPECT_EQ(settings.channel.target, "b:1");
  EXPECT_EQ(settings.verifier.issuer, "us");
  EXPECT_TRUE(settings.channel.insecure);
  EXPECT_EQ(Good(kLeast, environment).channel.target, "a:1");
  EXPECT_THAT(Refused(kLeast, {"LATCHKEY_AGENT_SOKCET_MODE=0600"}),
              HasSubstr("LATCHKEY_AGENT_SOKCET_MODE"));
}

TEST(AgentSettings, TheSecretIsNeverAnArgument) {
  const std::vector<std::string> asking =
      With({"--client_id", "shop", "--tls_ca", "ca"});
  const AgentSettings settings =
      Good(asking, {"LATCHKEY_AGENT_CLIENT_SECRET=geheim"});
  EXPECT_EQ(settings.client_secret.Reveal(), "geheim");
  auto told = asking;
  told.push_back("--client_secret=geheim");
  EXPECT_THAT(Refused(told), HasSubstr("--client_secret"));
}

TEST(AgentSettings, AnAccountNeedsASecretAndTls) {
  EXPECT_THAT(Refused(With({"--client_id", "shop", "--tls_ca", "ca"})),
              HasSubstr("--client_secret_file"));
  EXPECT_THAT(Refused(With({"--client_secret_file", "f", "--tls_ca", "ca"})),
              HasSubstr("--client_id"));
  EXPECT_THAT(
      Refused(With({"--client_id", "shop", "--client_secret_file", "f"})),
      HasSubstr("TLS"));
  EXPECT_EQ(Good(With({"--client_id", "shop", "--client_secret_file", "f",
                       "--tls_ca", "ca"}))
                .client_secret_file,
            "f");
}

TEST(AgentSettings, ModesLetReadAndWriteOrNothing) {
  for (const auto& [text, mode] :
       {std::pair("0600", 0600), std::pair("660", 0660),
        std::pair("0666", 0666)}) {
    EXPECT_EQ(Good(With({"--socket_mode", text})).socket_mode,
              static_cast<mode_t>(mode));
  }
  for (const char* wrong :
       {"", "0", "0400", "0777", "0640", "00600", "6000", "0066", "rw-"}) {
    EXPECT_THAT(Refused(With({std::string("--socket_mode=") + wrong})),
                HasSubstr("--socket_mode"))
        << wrong;
  }
}

TEST(AgentSettings, DurationsHaveBounds) {
  EXPECT_EQ(Good(With({"--ask_timeout", "10s", "--clock_skew", "60s"}))
                .verifier.clock_skew,
            absl::Seconds(60));
  for (const char* wrong : {"0", "11s", "-1s", "x"}) {
    EXPECT_THAT(Refused(With({std::string("--ask_timeout=") + wrong})),
                HasSubstr("--ask_timeout"));
  }
  EXPECT_THAT(Refused(With({"--clock_skew=61s"})), HasSubstr("--clock_skew"));
}

TEST(AgentSettings, HelpAndVersionAreNoErrors) {
  for (const char* flag : {"--help", "--version"}) {
    const auto read = ReadAgentSettings({flag}, {});
    const auto* instead = std::get_if<AgentInstead>(&read);
    ASSERT_NE(instead, nullptr);
    EXPECT_EQ(instead->exit_status, 0);
    EXPECT_THAT(instead->text, HasSubstr("latchkey-agent"));
  }
  const auto read = ReadAgentSettings({"--help"}, {});
  EXPECT_THAT(std::get<AgentInstead>(read).text,
              HasSubstr("LATCHKEY_AGENT_CLIENT_SECRET"));
}

}  // namespace
}  // namespace latchkey
