#include "app/addresses.h"

#include <gtest/gtest.h>

namespace segue::app {
namespace {

Endpoint at(const char* text) { return *Endpoint::parse(text); }
IpAddress ip(const char* text) { return *IpAddress::parse(text); }

TEST(Addresses, a_listener_says_its_own_address_and_media_follows_it) {
  Config config;
  config.sip_udp = {at("192.0.2.1:5060"), at("[2001:db8::1]:5060"), at("192.0.2.2:5060")};
  config.sip_tcp = {at("192.0.2.1:5060")};
  const auto found = find_addresses(config);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->udp.size(), 3U);
  EXPECT_EQ(found->udp[1].advertise, ip("2001:db8::1"));
  EXPECT_EQ(found->udp[2].advertise, ip("192.0.2.2"));
  ASSERT_EQ(found->media.size(), 2U) << "one of each family, the first listener's";
  EXPECT_EQ(found->media[0].bind, ip("192.0.2.1"));
  EXPECT_EQ(found->media[1].advertise, ip("2001:db8::1"));
}

TEST(Addresses, a_public_address_stands_for_its_family_only) {
  Config config;
  config.sip_udp = {at("0.0.0.0:5060"), at("[2001:db8::1]:5060")};
  config.public_ips = {ip("203.0.113.9")};
  const auto found = find_addresses(config);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->udp[0].advertise, ip("203.0.113.9"));
  EXPECT_EQ(found->udp[1].advertise, ip("2001:db8::1"));
  EXPECT_TRUE(found->media[0].bind.unspecified());
  EXPECT_EQ(found->media[0].advertise, ip("203.0.113.9"));
}

TEST(Addresses, a_family_that_only_tcp_has_gets_media_too) {
  Config config;
  config.sip_udp = {at("192.0.2.1:5060")};
  config.sip_tcp = {at("[::1]:5060")};
  const auto found = find_addresses(config);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->media.size(), 2U);
  EXPECT_EQ(found->media[1].advertise, ip("::1"));
}

}  // namespace
}  // namespace segue::app
