#include "server/settings.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

Settings Good(const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment = {}) {
  const auto read = ReadSettings(arguments, environment);
  const auto* instead = std::get_if<Instead>(&read);
  if (instead != nullptr) {
    ADD_FAILURE() << instead->text;
    return {};
  }
  return std::get<Settings>(read);
}

std::string Refused(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment = {}) {
  const auto read = ReadSettings(arguments, environment);
  const auto* instead = std::get_if<Instead>(&read);
  if (instead == nullptr) return "not refused";
  EXPECT_EQ(instead->exit_status, 2);
  EXPECT_EQ(instead->text.find('\n'), std::string::npos) << instead->text;
  return instead->text;
}

class SettingsFile {
 public:
  explicit SettingsFile(const std::string& text) {
    std::ofstream(path_) << text;
  }
  ~SettingsFile() { std::remove(path_.c_str()); }
  const std::string path_ =
      ::testing::TempDir() + "settings_" + std::to_string(getpid()) + ".conf";
};

TEST(Settings, DefaultsNeedOnlyADirectory) {
  const Settings settings = Good({"--data_dir", "/d"});
  EXPECT_EQ(settings.listen, "127.0.0.1:7870");
  EXPECT_EQ(settings.session.session_ttl, absl::Hours(12));
  EXPECT_EQ(settings.session.idle_ttl, absl::Minutes(30));
  EXPECT_EQ(settings.session.max_session_ttl, absl::Hours(24 * 30));
  EXPECT_EQ(settings.jwt_life, absl::Minutes(5));
  EXPECT_EQ(settings.hash_max_wait, absl::Seconds(2));
  EXPECT_EQ(settings.hash_cost.time, 2u);
  EXPECT_EQ(settings.hash_cost.memory_kib, 19456u);
  EXPECT_EQ(settings.master_key_file, "/d.master_key");
  EXPECT_THAT(Refused({}), HasSubstr("--data_dir"));
}

TEST(Settings, TheMasterKeyLiesBesideTheDirectoryNotInIt) {
  for (const char* spelling : {"/d/", "/d//", "/d/.", "/./d", "/x/../d/./"}) {
    const Settings settings = Good({"--data_dir", spelling});
    EXPECT_EQ(settings.data_dir, "/d") << spelling;
    EXPECT_EQ(settings.master_key_file, "/d.master_key") << spelling;
  }
  const Settings here = Good({"--data_dir", "."});
  EXPECT_EQ(here.master_key_file, here.data_dir + ".master_key");
  EXPECT_EQ(here.data_dir, std::filesystem::current_path().string());
  EXPECT_THAT(Refused({"--data_dir", "/"}), HasSubstr("--data_dir"));
}

TEST(Settings, FlagsWinOverEnvironmentOverFile) {
  const SettingsFile file(
      "data_dir = \"/file\"\nlisten = \"127.0.0.1:1\"\nsession_ttl = \"1h\"\n");
  const std::vector<std::string> config = {"--config", file.path_};
  EXPECT_EQ(Good(config).listen, "127.0.0.1:1");
  EXPECT_EQ(Good(config).session.session_ttl, absl::Hours(1));

  const std::vector<std::string> environment = {
      "LATCHKEY_LISTEN=127.0.0.1:2", "LATCHKEY_SESSION_TTL=2h", "PATH=/bin"};
  EXPECT_EQ(Good(config, environment).listen, "127.0.0.1:2");
  EXPECT_EQ(Good(config, environment).session.session_ttl, absl::Hours(2));

  std::vector<std::string> flags = config;
  flags.insert(flags.end(), {"--listen", "127.0.0.1:3", "--session_ttl=3h"});
  EXPECT_EQ(Good(flags, environment).listen, "127.0.0.1:3");
  EXPECT_EQ(Good(flags, environment).session.session_ttl, absl::Hours(3));
}

TEST(Settings, SwitchesMayBeSaidEverywhere) {
  EXPECT_TRUE(Good({"--data_dir", "/d"}).reflection);
  EXPECT_FALSE(Good({"--data_dir", "/d", "--reflection=false"}).reflection);
  EXPECT_FALSE(
      Good({"--data_dir", "/d"}, {"LATCHKEY_REFLECTION=false"}).reflection);
  EXPECT_FALSE(Good({"--data_dir", "/d"}).insecure);
  EXPECT_TRUE(Good({"--data_dir", "/d", "--insecure"}).insecure);
  EXPECT_TRUE(Good({"--data_dir", "/d"}, {"LATCHKEY_INSECURE=true"}).insecure);
  const SettingsFile file("data_dir = \"/d\"\ninsecure = true\n");
  EXPECT_TRUE(Good({"--config", file.path_}).insecure);
  EXPECT_FALSE(
      Good({"--config", file.path_}, {"LATCHKEY_INSECURE=false"}).insecure);
}

TEST(Settings, GrantsAreTakenFromTheFirstThatHasAny) {
  const SettingsFile file(
      "data_dir = \"/d\"\n"
      "grant = [\"account:file=validator,reason\", \"dns:file=admin\"]\n");
  const std::vector<std::string> config = {"--config", file.path_};
  const std::vector<std::string> environment = {
      "LATCHKEY_GRANT=account:env=validator  account:env2=admin"};
  const PermissionSet validator = PermissionSet().With(Permission::kValidate);
  const PermissionSet admin = PermissionSet().With(Permission::kAdminister);

  EXPECT_EQ(Good({"--data_dir", "/d"}).grants.OfAny(), PermissionSet());
  Grants grants = Good(config).grants;
  EXPECT_EQ(grants.OfAccount("file"), validator.With(Permission::kSeeReason));
  EXPECT_EQ(grants.OfDns("file"), admin);
  grants = Good(config, environment).grants;
  EXPECT_EQ(grants.OfAccount("file"), PermissionSet());
  EXPECT_EQ(grants.OfAccount("env"), validator);
  EXPECT_EQ(grants.OfAccount("env2"), admin);
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--grant", "account:a=validator", "--grant",
                                 "account:b=admin"},
        std::vector<std::string>{"--grant=account:a=validator",
                                 "--grant=account:b=admin"}}) {
    std::vector<std::string> all = config;
    all.insert(all.end(), flags.begin(), flags.end());
    grants = Good(all, environment).grants;
    EXPECT_EQ(grants.OfAccount("a"), validator);
    EXPECT_EQ(grants.OfAccount("b"), admin);
    EXPECT_EQ(grants.OfAccount("env"), PermissionSet());
    EXPECT_EQ(grants.OfDns("file"), PermissionSet());
  }
}

TEST(Settings, ABadGrantIsRefusedByName) {
  const std::string refused =
      Refused({"--data_dir", "/d", "--grant", "dns:*=admin"});
  EXPECT_THAT(refused, HasSubstr("--grant"));
  EXPECT_THAT(refused, HasSubstr("dns:*=admin"));
  EXPECT_THAT(Refused({"--data_dir", "/d"}, {"LATCHKEY_GRANT=x"}),
              HasSubstr("--grant"));
}

TEST(Settings, ValidateIsOpenOnlyWhereNobodyElseReachesIt) {
  const auto open = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--data_dir", "/d"});
    return Good(arguments).ValidateIsOpen();
  };
  EXPECT_TRUE(open({}));
  EXPECT_TRUE(open({"--listen", "[::1]:1"}));
  EXPECT_FALSE(open({"--insecure"}));
  EXPECT_FALSE(open({"--insecure", "--listen", "0.0.0.0:1"}));
  EXPECT_TRUE(
      open({"--insecure", "--listen", "0.0.0.0:1", "--open_validate", "yes"}));
  EXPECT_FALSE(open({"--tls_certificate", "/c", "--tls_key", "/k"}));
  EXPECT_TRUE(open({"--tls_certificate", "/c", "--tls_key", "/k",
                    "--open_validate", "yes"}));
  EXPECT_FALSE(open({"--open_validate=no"}));
  EXPECT_THAT(Refused({"--data_dir", "/d", "--open_validate", "maybe"}),
              HasSubstr("--open_validate"));
}

TEST(Settings, TheAuditLogIsOffUnlessNamed) {
  EXPECT_EQ(Good({"--data_dir", "/d"}).audit_log, "");
  EXPECT_FALSE(Good({"--data_dir", "/d"}).audit_sync);
  const Settings set =
      Good({"--data_dir", "/d", "--audit_log", "/a", "--audit_sync", "true"});
  EXPECT_EQ(set.audit_log, "/a");
  EXPECT_TRUE(set.audit_sync);
  EXPECT_EQ(Good({"--data_dir", "/d", "--audit_log", "-"}).audit_log, "-");
}

TEST(Settings, TheEnvironmentMayNameTheFile) {
  const SettingsFile file("data_dir = \"/file\"\n");
  EXPECT_EQ(Good({}, {"LATCHKEY_CONFIG=" + file.path_}).data_dir, "/file");
}

TEST(Settings, UnknownOnesAreRefusedByName) {
  EXPECT_THAT(Refused({"--data_dir", "/d", "--sesion_ttl", "1h"}),
              HasSubstr("--sesion_ttl"));
  EXPECT_THAT(Refused({"--data_dir", "/d"}, {"LATCHKEY_SESION_TTL=1h"}),
              HasSubstr("LATCHKEY_SESION_TTL"));
  const SettingsFile file("data_dir = \"/d\"\nsesion_ttl = \"1h\"\n");
  EXPECT_THAT(Refused({"--config", file.path_}), HasSubstr("sesion_ttl"));
  EXPECT_THAT(Refused({"--data_dir", "/d", "--config", "/nowhere.conf"}),
              HasSubstr("/nowhere.conf"));
}

TEST(Settings, TheClientsVariablesAreNotTheServers) {
  Good({"--data_dir", "/d"}, {"LATCHKEY_SERVER=x", "LATCHKEY_CREDENTIAL=y"});
}

TEST(Settings, BadValuesAreRefusedByName) {
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{
           {"--session_ttl", "12"},
           {"--session_ttl", "0s"},
           {"--session_ttl", "-1h"},
           {"--session_ttl", "31h", "--max_session_ttl", "30h"},
           {"--jwt_life", "25h"},
           {"--jwt_algorithm", "RS256"},
           {"--log_level", "loud"},
           {"--listen", "7870"},
           {"--listen", "127.0.0.1:70000"},
           {"--listen", ":7870"},
           {"--hash_time_cost", "0"},
           {"--hash_memory_kib", "1"},
           {"--hash_threads", "0"},
           {"--hash_queue", "-1"},
           {"--hash_max_wait", "99ms"},
           {"--hash_queue", "513"},
           {"--hash_queue", "9", "--max_calls_waiting", "8"},
           {"--max_calls_waiting", "0"},
           {"--max_connections", "-1"},
           {"--max_connections", "1000001"},
           {"--max_connections_per_source", "0"},
           {"--max_streams", "0"},
           {"--max_streams", "100001"},
           {"--max_header_bytes", "1023"},
           {"--max_header_bytes", "1048577"},
           {"--max_message_bytes", "16383"},
           {"--max_message_bytes", "16777217"},
           {"--handshake_timeout", "99ms"},
           {"--handshake_timeout", "301s"},
           {"--max_connection_idle", "99ms"},
           {"--max_connection_idle", "25h"},
           {"--max_connection_age", "99ms"},
           {"--max_connection_age", "169h"},
           {"--max_connection_age_grace", "99ms"},
           {"--max_connection_age_grace", "61m"},
           {"--keepalive_interval", "999ms"},
           {"--keepalive_interval", "121m"},
           {"--keepalive_timeout", "99ms"},
           {"--keepalive_timeout", "601s"},
           {"--min_ping_interval", "0s"},
           {"--min_ping_interval", "121m"},
           {"--hash_max_wait", "60001ms"},
           {"--worker_threads", "x"},
           {"--login_burst", "0"},
           {"--login_source_burst", "-1"},
           {"--login_account_burst", "1000001"},
           {"--login_global_burst", "many"},
           {"--login_failure_window", "999ms"},
           {"--login_max_delay", "61m"},
           {"--login_guard", "perhaps"},
           {"--key_signing_life", "59m", "--key_publish_lead", "1m"},
           {"--key_publish_lead", "20h", "--key_signing_life", "30h"},
           {"--issuer", std::string(257, 'x')},
           {"--default_audience", "a\nb"},
           {"extra"}}) {
    std::vector<std::string> arguments = {"--data_dir", "/d"};
    arguments.insert(arguments.end(), bad.begin(), bad.end());
    EXPECT_THAT(Refused(arguments), HasSubstr(bad[0])) << bad.back();
  }
}

TEST(Settings, TheLoginGuardIsOnUnlessSaidOtherwise) {
  const LoginGuard::Options usual = Good({"--data_dir", "/d"}).login;
  EXPECT_TRUE(usual.enabled);
  EXPECT_EQ(usual.burst, 5);
  EXPECT_EQ(usual.window, absl::Minutes(15));
  const LoginGuard::Options other =
      Good({"--data_dir", "/d", "--login_guard", "false", "--login_burst", "1",
            "--login_source_burst", "2", "--login_account_burst", "3",
            "--login_global_burst", "1000000", "--login_failure_window", "1s",
            "--login_max_delay", "1h"})
          .login;
  EXPECT_FALSE(other.enabled);
  EXPECT_EQ(other.burst, 1);
  EXPECT_EQ(other.source_burst, 2);
  EXPECT_EQ(other.account_burst, 3);
  EXPECT_EQ(other.global_burst, 1'000'000);
  EXPECT_EQ(other.window, absl::Seconds(1));
  EXPECT_EQ(other.max_delay, absl::Hours(1));
}

TEST(Settings, AnEmptyValueTakesNoOtherArgumentForItself) {
  for (const Settings& settings :
       {Good({"--data_dir=/d", "--issuer=", "--listen=127.0.0.1:1"}),
        Good({"--data_dir=/d", "--issuer", "", "--listen=127.0.0.1:1"}),
        Good({"--data_dir=/d"},
             {"LATCHKEY_ISSUER=", "LATCHKEY_LISTEN=127.0.0.1:1"})}) {
    EXPECT_EQ(settings.issuer, "");
    EXPECT_EQ(settings.listen, "127.0.0.1:1");
  }
  EXPECT_THAT(Refused({"--data_dir="}), HasSubstr("--data_dir"));
  EXPECT_THAT(Refused({"--data_dir", ""}), HasSubstr("--data_dir"));
  EXPECT_THAT(Refused({"--data_dir=/d", "--jwt_life=", "--insecure"}),
              HasSubstr("--jwt_life"));
}

TEST(Settings, MemoryBudgetIsASizeWithinBounds) {
  const auto budget = [](const std::string& text) {
    return Good({"--data_dir", "/d", "--memory_budget", text}).memory_budget;
  };
  EXPECT_EQ(Good({"--data_dir", "/d"}).memory_budget, uint64_t{1} << 30);
  EXPECT_EQ(budget("512MiB"), uint64_t{512} << 20);
  EXPECT_EQ(budget("6GiB"), uint64_t{6} << 30);
  EXPECT_EQ(budget("100000001"), 100000001u);
  EXPECT_EQ(budget("64MiB"), uint64_t{64} << 20);
  EXPECT_EQ(budget("67108864"), uint64_t{64} << 20);
  EXPECT_EQ(budget("1TiB"), uint64_t{1} << 40);
  EXPECT_EQ(
      Good({"--data_dir", "/d"}, {"LATCHKEY_MEMORY_BUDGET=2GiB"}).memory_budget,
      uint64_t{2} << 30);
  for (const char* bad :
       {"67108863", "63MiB", "1025GiB", "1099511627777", "2TiB", "0", "-1GiB",
        "1GB", "1gib", "1 GiB", "1.5GiB", "GiB", "", "+1GiB",
        "18446744073709551616", "17592186044417MiB", "20000000TiB"}) {
    EXPECT_THAT(
        Refused({"--data_dir", "/d", std::string("--memory_budget=") + bad}),
        HasSubstr("--memory_budget"))
        << bad;
  }
}

TEST(Settings, ConnectionsAndCallsHaveBounds) {
  const Settings usual = Good({"--data_dir", "/d"});
  EXPECT_EQ(usual.max_connections, 0);
  EXPECT_EQ(usual.max_connections_per_source, 256);
  EXPECT_EQ(usual.max_calls_waiting, 512);
  const Settings set =
      Good({"--data_dir=/d", "--max_connections=1",
            "--max_connections_per_source=2", "--max_streams=3",
            "--max_header_bytes=1024", "--max_message_bytes=16384",
            "--handshake_timeout=100ms", "--max_connection_idle=200ms",
            "--max_connection_age=300ms", "--max_connection_age_grace=400ms",
            "--keepalive_interval=1s", "--keepalive_timeout=500ms",
            "--min_ping_interval=1ms", "--max_calls_waiting=64"});
  EXPECT_EQ(set.max_connections, 1);
  EXPECT_EQ(set.max_connections_per_source, 2);
  EXPECT_EQ(set.transport.max_streams, 3);
  EXPECT_EQ(set.transport.max_header_bytes, 1024);
  EXPECT_EQ(set.transport.max_message_bytes, 16384);
  EXPECT_EQ(set.transport.handshake_timeout, absl::Milliseconds(100));
  EXPECT_EQ(set.transport.max_idle, absl::Milliseconds(200));
  EXPECT_EQ(set.transport.max_age, absl::Milliseconds(300));
  EXPECT_EQ(set.transport.max_age_grace, absl::Milliseconds(400));
  EXPECT_EQ(set.transport.keepalive_interval, absl::Seconds(1));
  EXPECT_EQ(set.transport.keepalive_timeout, absl::Milliseconds(500));
  EXPECT_EQ(set.transport.min_ping_interval, absl::Milliseconds(1));
  EXPECT_EQ(set.max_calls_waiting, 64);
}

TEST(Settings, PlaintextBeyondLoopbackMustBeSaid) {
  for (const char* listen :
       {"0.0.0.0:7870", "[::]:7870", "10.0.0.1:7870", "127.example.com:7870",
        "127.0.0.1.example.com:7870", "example.com:7870"}) {
    EXPECT_THAT(Refused({"--data_dir", "/d", "--listen", listen}),
                HasSubstr("--insecure"))
        << listen;
    EXPECT_EQ(
        Good({"--data_dir", "/d", "--insecure", "--listen", listen}).listen,
        listen);
  }
  for (const char* listen :
       {"127.0.0.1:0", "127.1.2.3:7870", "[::1]:7870", "localhost:7870"}) {
    EXPECT_EQ(Good({"--data_dir", "/d", "--listen", listen}).listen, listen);
  }
}

TEST(Settings, TlsNeedsCertificateAndKey) {
  const std::vector<std::string> base = {"--data_dir", "/d", "--listen",
                                         "10.0.0.1:7870"};
  const auto with = [&base](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  const std::vector<std::string> pair = {"--tls_certificate=/c",
                                         "--tls_key=/k"};
  const Settings settings = Good(with(pair));
  EXPECT_TRUE(settings.uses_tls());
  EXPECT_EQ(settings.tls.chain, "/c");
  EXPECT_EQ(settings.tls.key, "/k");
  EXPECT_FALSE(Good({"--data_dir", "/d"}).uses_tls());

  for (const std::string& one : pair) {
    EXPECT_THAT(Refused(with({one})),
                HasSubstr("--tls_certificate, --tls_key"));
  }
  EXPECT_THAT(Refused(with({"--tls_client_ca=/a", "--insecure"})),
              HasSubstr("--tls_client_ca"));
  EXPECT_THAT(Refused(with({pair[0], pair[1], "--insecure"})),
              HasSubstr("--insecure"));
}

TEST(Settings, ClientCertificatesAreOptionalOnceThereIsACa) {
  const auto asked = [](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"--data_dir=/d", "--tls_certificate=/c",
                                    "--tls_key=/k"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::string ca = "--tls_client_ca=/a";
  const std::string client = "--client_certificate=";
  EXPECT_EQ(Good(asked({})).client_certificate, ClientCertificate::kNone);
  EXPECT_EQ(Good(asked({client + "none"})).client_certificate,
            ClientCertificate::kNone);
  EXPECT_EQ(Good(asked({ca})).client_certificate, ClientCertificate::kOptional);
  EXPECT_EQ(Good(asked({ca, client + "optional"})).client_certificate,
            ClientCertificate::kOptional);
  EXPECT_EQ(Good(asked({ca, client + "required"})).client_certificate,
            ClientCertificate::kRequired);
  EXPECT_EQ(Good(asked({ca, client + "none"})).client_certificate,
            ClientCertificate::kNone);
  for (const char* kind : {"optional", "required"}) {
    EXPECT_THAT(Refused(asked({client + kind})),
                HasSubstr("--client_certificate"));
  }
  EXPECT_THAT(Refused(asked({ca, client + "some"})),
              HasSubstr("--client_certificate"));
}

TEST(Settings, TheClientsOwnTlsVariablesAreNotTheServers) {
  EXPECT_FALSE(
      Good({"--data_dir", "/d"},
           {"LATCHKEY_CLI_TLS_CA=/a", "LATCHKEY_CLI_TLS_CERTIFICATE=/c",
            "LATCHKEY_CLI_TLS_KEY=/k", "LATCHKEY_CLI_TLS_SERVER_NAME=n"})
          .uses_tls());
}

TEST(Settings, AnAgentsVariablesAreNotTheServers) {
  EXPECT_EQ(Good({"--data_dir", "/d"},
                 {"LATCHKEY_AGENT_LISTEN=unix:/s", "LATCHKEY_AGENT_NO_SUCH=x"})
                .listen,
            "127.0.0.1:7870");
}

TEST(Settings, MetricsAreServedWhereItIsSaidAndOnLoopbackUnlessInsecure) {
  EXPECT_EQ(Good({"--data_dir", "/d"}).metrics_listen, "");
  EXPECT_EQ(Good({"--data_dir", "/d"}, {"LATCHKEY_METRICS_LISTEN=[::1]:0"})
                .metrics_listen,
            "[::1]:0");
  for (const char* listen : {"0.0.0.0:7871", "[::]:7871", "example.com:7871"}) {
    const std::string refused =
        Refused({"--data_dir", "/d", "--metrics_listen", listen});
    EXPECT_THAT(refused, HasSubstr("--metrics_listen"));
    EXPECT_THAT(refused, HasSubstr("--insecure"));
    EXPECT_EQ(
        Good({"--data_dir", "/d", "--insecure", "--metrics_listen", listen})
            .metrics_listen,
        listen);
  }
  for (const char* listen : {"7871", ":7871", "127.0.0.1:65536", "127.0.0.1"}) {
    EXPECT_THAT(Refused({"--data_dir", "/d", "--metrics_listen", listen}),
                HasSubstr("--metrics_listen"));
  }
}

TEST(Settings, HelpAndVersionAreAnswers) {
  const auto help = ReadSettings({"--help"}, {});
  ASSERT_TRUE(std::holds_alternative<Instead>(help));
  EXPECT_EQ(std::get<Instead>(help).exit_status, 0);
  for (const char* word : {"--data_dir", "--session_idle_ttl", "30m", "12h",
                           "127.0.0.1:7870", "19456"}) {
    EXPECT_THAT(std::get<Instead>(help).text, HasSubstr(word));
  }
  const auto version = ReadSettings({"--version"}, {});
  ASSERT_TRUE(std::holds_alternative<Instead>(version));
  EXPECT_THAT(std::get<Instead>(version).text, HasSubstr("latchkeyd 0."));
}

}  // namespace
}  // namespace latchkey
