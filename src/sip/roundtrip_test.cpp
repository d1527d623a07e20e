// Random valid messages and URIs: printing and parsing gives back the same value. And random bytes never do harm.
#include <gtest/gtest.h>

#include "base/random.h"
#include "sip/message.h"

namespace segue::sip {
namespace {

std::string pick(Random& random, std::string_view alphabet, std::size_t least, std::size_t most) {
  std::string text(least + random.below(most - least + 1), 'x');
  for (auto& c : text) c = alphabet[random.below(alphabet.size())];
  return text;
}

constexpr std::string_view kTokenChars = "abcXYZ019-.!%*_+`'~";
constexpr std::string_view kNames = "abcXYZ019";

/// Any byte but CR and LF, which no header can hold, and zero, which only quotes and escapes can.
std::string any_text(Random& random, std::size_t least, std::size_t most, bool zeros = false) {
  std::string text(least + random.below(most - least + 1), 'x');
  for (auto& c : text) {
    do {
      c = static_cast<char>(random.below(256));
    } while (c == '\r' || c == '\n' || (c == '\0' && !zeros));
  }
  return text;
}

Params random_params(Random& random, bool quoted) {
  Params params;
  for (auto n = random.below(4); n > 0; --n) {
    std::optional<std::string> value;
    if (random.chance(0.7)) value = quoted ? any_text(random, 1, 12, true) : pick(random, kTokenChars, 1, 12);
    // No name may stand twice in a URI (RFC 3261 section 19.1.1), so each ends differently.
    params.list.push_back({pick(random, kNames, 1, 8) + "-" + std::to_string(n), std::move(value)});
  }
  return params;
}

std::string random_host(Random& random) {
  const std::string_view kinds[] = {"192.0.2.1", "[2001:db8::1]", "example.com", "a-b.c_d"};
  return std::string(kinds[random.below(4)]);
}

std::uint16_t random_port(Random& random) {
  return random.chance(0.5) ? std::uint16_t{0} : static_cast<std::uint16_t>(1 + random.below(65535));
}

Uri random_uri(Random& random) {
  Uri uri;
  if (random.chance(0.1)) {
    uri.scheme = "tel";
    uri.opaque = pick(random, "+0123456789-.;=", 1, 20);
    return uri;
  }
  if (random.chance(0.2)) uri.scheme = "sips";
  if (random.chance(0.9)) uri.user = any_text(random, 1, 12, true);
  if (!uri.user.empty() && random.chance(0.2)) uri.password = any_text(random, 1, 8, true);
  uri.host = random_host(random);
  uri.port = random_port(random);
  uri.params = random_params(random, false);
  return uri;
}

NameAddr random_address(Random& random) {
  NameAddr address;
  if (random.chance(0.5)) address.display = any_text(random, 1, 20, true);
  address.uri = random_uri(random);
  if (address.uri.is_sip() && random.chance(0.1)) address.uri.headers = "Replaces=a%40b";
  address.params = random_params(random, true);
  return address;
}

Message random_message(Random& random) {
  Message m;
  m.is_request = random.chance(0.6);
  m.method = pick(random, kTokenChars, 1, 10);
  if (m.is_request) {
    m.request_uri = random_uri(random);
  } else {
    m.status = static_cast<int>(100 + random.below(600));
    m.reason = any_text(random, 0, 12);
  }
  for (auto n = 1 + random.below(3); n > 0; --n) {
    Via via;
    via.transport = pick(random, "ABC", 1, 4);
    via.host = random_host(random);
    via.port = random_port(random);
    via.params = random_params(random, true);
    m.add("Via", via.to_string());
  }
  m.add("From", random_address(random).to_string());
  m.add("To", random_address(random).to_string());
  m.add("Call-ID", pick(random, "abc<>[]{}?\"@:/", 1, 30));
  m.add("CSeq", CSeq{random.u32() & 0x7fffffffU, m.method}.to_string());
  for (auto n = random.below(3); n > 0; --n) m.add("Contact", random_address(random).to_string());
  for (auto n = random.below(5); n > 0; --n) {
    // Spaces at the ends belong to no value.
    m.add("P-" + pick(random, kTokenChars, 1, 8), "v" + any_text(random, 0, 40) + "v");
  }
  if (random.chance(0.5)) m.body = any_text(random, 1, 200, true) + "\r\n\r\n" + any_text(random, 0, 50);
  return m;
}

TEST(RoundTrip, OfRandomMessages) {
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    Random random(seed);
    const auto m = random_message(random);
    const auto bytes = m.to_string();
    const auto again = parse_message(bytes);
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().text << "\n" << bytes;
    ASSERT_EQ(*again, m) << "seed " << seed << "\n" << bytes;
    ASSERT_EQ(again->to_string(), bytes) << "seed " << seed;
  }
}

TEST(RoundTrip, OfRandomAddresses) {
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    Random random(seed);
    const auto address = random_address(random);
    const auto again = NameAddr::parse(address.to_string());
    ASSERT_TRUE(again) << "seed " << seed << ": " << address.to_string();
    ASSERT_EQ(again->display, address.display) << "seed " << seed;
    ASSERT_EQ(again->uri, address.uri) << "seed " << seed << ": " << address.to_string();
    ASSERT_EQ(again->params, address.params) << "seed " << seed;
    ASSERT_TRUE(again->uri.equivalent(address.uri)) << "seed " << seed;
  }
}

/// What is accepted can be printed and read again; and what was refused with a way to answer can be answered.
TEST(RoundTrip, OfMutatedMessages) {
  std::size_t accepted = 0;
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    Random random(seed);
    auto bytes = random_message(random).to_string();
    for (auto n = 1 + random.below(3); n > 0; --n) {
      const char separator = ";,<>\"\r\n :@"[random.below(10)];
      bytes[random.below(bytes.size())] = random.chance(0.5) ? static_cast<char>(random.below(256)) : separator;
    }
    const auto m = parse_message(bytes);
    if (!m) {
      if (m.error().partial) {
        ASSERT_TRUE(parse_message(make_response(*m.error().partial, m.error().status, "t").to_string()).has_value() ||
                    m.error().status >= 400)
            << "seed " << seed;
      }
      continue;
    }
    ++accepted;
    const auto again = parse_message(m->to_string());
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().text << "\n" << bytes;
    ASSERT_EQ(*again, *m) << "seed " << seed << "\n" << bytes;
  }
  EXPECT_GT(accepted, 2000U);
}

}  // namespace
}  // namespace segue::sip
