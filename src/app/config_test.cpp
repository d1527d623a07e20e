#include "app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace segue::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string error_of(std::string_view text) {
  auto config = parse_config(text, "segue.toml");
  return config ? "accepted" : config.error().text;
}

TEST(Config, an_empty_file_is_the_default) {
  auto config = parse_config("", "segue.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->http.to_string(), "127.0.0.1:8080");
  ASSERT_EQ(config->sip_udp.size(), 1U);
  EXPECT_EQ(config->sip_udp[0].to_string(), "0.0.0.0:5060");
  EXPECT_EQ(config->ring_time, 30s);
}

TEST(Config, every_key_is_taken) {
  auto config = parse_config(R"(
domain = "example.org"
data_dir = "/var/lib/segue"
log_level = "debug"
max_calls = 10
[sip]
udp = "127.0.0.1:5070"
tcp = "[::1]:5071"
public_ip = "192.0.2.10"
session_expires = 600
digest = "both"
register_min = 30
register_max = 7200
[media]
rtp_first = 30000
rtp_last = 30099
silence = 12.5
[http]
listen = "127.0.0.1:9090"
[flip]
ring_time = 20
proof_time = 1.5
grace_time = 10
pull_code = "*77"
all_code = "*99"
[calls]
answer_time = 60
)",
                             "segue.toml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->domain, "example.org");
  EXPECT_EQ(config->digest, "both");
  EXPECT_EQ(config->sip_tcp[0].to_string(), "[::1]:5071");
  EXPECT_EQ(config->public_ips[0].to_string(), "192.0.2.10");
  EXPECT_EQ(config->media_silence, 12500ms);
  EXPECT_EQ(config->proof_time, 1500ms);
  EXPECT_EQ(config->pull_code, "*77");
  EXPECT_EQ(config->answer_time, 60s);
  EXPECT_EQ(config->max_calls, 10U);
}

TEST(Config, listens_on_several_addresses_of_both_families) {
  const auto config = parse_config(
      "[sip]\nudp = [\"0.0.0.0:5060\", \"[::]:5060\"]\ntcp = \"[::1]:5060\"\npublic_ip = [\"192.0.2.1\", "
      "\"2001:db8::1\"]\n",
      "segue.toml");
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->sip_udp.size(), 2U);
  EXPECT_EQ(config->sip_udp[1].to_string(), "[::]:5060");
  EXPECT_EQ(config->sip_tcp.size(), 1U);
  ASSERT_EQ(config->public_ips.size(), 2U);
  EXPECT_TRUE(config->public_ips[1].v6);
  for (const auto* wrong : {"udp = []", R"(udp = ["0.0.0.0:5060", "0.0.0.0:5060"])", R"(udp = ["0.0.0.0:5060", 5060])",
                            R"(udp = ["here:5060"])", R"(public_ip = ["192.0.2.1", "192.0.2.2"])", "public_ip = []",
                            R"(public_ip = ["::"])"}) {
    EXPECT_THAT(error_of("[sip]\n" + std::string(wrong) + "\n"), AllOf(HasSubstr("line 2"), HasSubstr("a list")))
        << wrong;
  }
  std::string nine = "[sip]\nudp = [";
  for (int i = 1; i <= 9; ++i) nine += "\"127.0.0." + std::to_string(i) + ":5060\", ";
  EXPECT_THAT(error_of(nine + "]\n"), HasSubstr("up to 8"));
}

TEST(Config, a_wrong_value_names_line_key_and_what_would_be_right) {
  EXPECT_THAT(error_of("domain = \"a\"\n[sip]\nudp = \"5060\"\n"),
              AllOf(HasSubstr("segue.toml, line 3"), HasSubstr("sip.udp"), HasSubstr("an address and a port")));
  EXPECT_THAT(error_of("[flip]\nring_time = \"soon\"\n"), AllOf(HasSubstr("line 2"), HasSubstr("1 to 300")));
  EXPECT_THAT(error_of("log_level = \"loud\"\n"), HasSubstr("\"debug\" \"info\""));
  EXPECT_THAT(error_of("[flip]\npull_code = \"11\"\n"), HasSubstr("a star and 1 to 7 digits"));
}

TEST(Config, bounds_are_held_at_and_past_the_edge) {
  EXPECT_EQ(error_of("max_calls = 2000"), "accepted");
  EXPECT_THAT(error_of("max_calls = 2001"), HasSubstr("from 1 to 2000"));
  EXPECT_EQ(error_of("[sip]\nsession_expires = 90"), "accepted");
  EXPECT_THAT(error_of("[sip]\nsession_expires = 89"), HasSubstr("from 90"));
}

TEST(Config, unknown_keys_and_sections_say_what_there_is) {
  EXPECT_THAT(error_of("colour = \"red\"\n"), AllOf(HasSubstr("no key \"colour\""), HasSubstr("domain")));
  EXPECT_THAT(error_of("[media]\nports = 3\n"),
              AllOf(HasSubstr("media.ports"), HasSubstr("rtp_first, rtp_last, silence")));
  EXPECT_THAT(error_of("[tls]\nkey = 1\n"), HasSubstr("no section [tls]"));
  EXPECT_THAT(error_of("sip = 3\n"), HasSubstr("\"sip\" is a section: [sip]"));
}

TEST(Config, broken_toml_names_its_line) {
  EXPECT_THAT(error_of("domain = \"a\"\n[sip\n"), HasSubstr("segue.toml, line 2"));
}

TEST(Config, keys_that_contradict_each_other_are_refused) {
  EXPECT_THAT(error_of("[media]\nrtp_first = 30000\nrtp_last = 20000\n"), HasSubstr("rtp_first must be below"));
  EXPECT_THAT(error_of("[sip]\nregister_min = 3000\nregister_max = 60\n"), HasSubstr("register_min"));
}

TEST(Config, all_that_is_wrong_is_told_in_the_order_of_the_lines) {
  const std::string list = error_of("max_calls = 0\n[sip]\nudp = 5\ntcp = \"x\"\n[flip]\nring = 1\ndomain = 2\n");
  std::vector<std::string> lines;
  std::istringstream in(list);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  EXPECT_THAT(lines,
              testing::ElementsAre(testing::StartsWith("segue.toml, line 1: \"max_calls\" must be a whole number"),
                                   testing::StartsWith("segue.toml, line 3: \"sip.udp\" must be an address"),
                                   testing::StartsWith("segue.toml, line 4: \"sip.tcp\" must be an address"),
                                   testing::StartsWith("segue.toml, line 6: there is no key \"flip.ring\""),
                                   testing::StartsWith("segue.toml, line 7: there is no key \"flip.domain\"")));
}

TEST(Config, what_is_no_file_is_named) {
  const auto folder = load_config("/tmp");
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().text, HasSubstr("/tmp: Is a directory"));
  const auto endless = load_config("/dev/zero");
  ASSERT_FALSE(endless);
  EXPECT_THAT(endless.error().text, HasSubstr("larger than 1 MB"));
}

TEST(Config, codes_that_shadow_each_other_are_refused) {
  EXPECT_THAT(error_of("[flip]\nall_code = \"*1\"\n"), HasSubstr("*1 to *9"));
  EXPECT_EQ(error_of("[flip]\nall_code = \"*12\"\n"), "accepted");
  EXPECT_THAT(error_of("[flip]\nall_code = \"*11\"\n"), HasSubstr("must differ"));
}

TEST(Config, a_time_is_a_number) {
  for (const auto* no_number : {"nan", "inf", "-inf", "true"}) {
    EXPECT_THAT(error_of("[flip]\nring_time = " + std::string(no_number) + "\n"), HasSubstr("1 to 300"));
  }
}

TEST(Config, a_domain_is_a_host) {
  for (const auto* good : {"segue.local", "a", "pbx-1.example.org", "192.0.2.10", "[2001:db8::1]"}) {
    EXPECT_EQ(error_of("domain = \"" + std::string(good) + "\""), "accepted") << good;
  }
  for (const auto* bad : {"", "my pbx", "a>", "a;b", "a:5060", "-a", "a-.b", "a..b", "a.", "[::1", "2001:db8::1"}) {
    EXPECT_THAT(error_of("domain = \"" + std::string(bad) + "\""), HasSubstr("a host name")) << bad;
  }
  EXPECT_THAT(error_of("domain = \"" + std::string(64, 'a') + "\""), HasSubstr("a host name"));
}

TEST(Config, a_missing_file_is_named) {
  auto config = load_config("/nowhere/segue.toml");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().text, HasSubstr("/nowhere/segue.toml"));
}

// The page that people copy from is itself a good file with the defaults.
TEST(Config, the_documented_file_is_the_default) {
  std::ifstream in(std::string(SEGUE_SOURCE_DIR) + "/docs/configuration.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const auto begin = page.find("```toml\n");
  ASSERT_NE(begin, std::string::npos);
  const auto end = page.find("```", begin + 8);
  auto config = parse_config(page.substr(begin + 8, end - begin - 8), "docs/configuration.md");
  ASSERT_TRUE(config) << config.error().text;
  const Config defaults;
  EXPECT_EQ(config->domain, defaults.domain);
  EXPECT_EQ(config->rtp_last, defaults.rtp_last);
  EXPECT_EQ(config->session_expires, defaults.session_expires);
  EXPECT_EQ(config->answer_time, defaults.answer_time);
  EXPECT_EQ(config->all_code, defaults.all_code);
}

}  // namespace
}  // namespace segue::app
