// Sounds, G.711 and the wire formats of the test phones, against figures of the standards and against each other.
#include "phone/sound.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "phone/g711.h"
#include "phone/wire.h"

namespace segue::phone {
namespace {

TEST(PhoneG711, AgreesWithTheTablesOfTheStandard) {
  EXPECT_EQ(decode_sample(Law::Mu, 0xFF), 0);
  EXPECT_EQ(decode_sample(Law::Mu, 0x00), -32124);
  EXPECT_EQ(decode_sample(Law::Mu, 0x80), 32124);
  EXPECT_EQ(decode_sample(Law::A, 0xD5), 8);
  EXPECT_EQ(decode_sample(Law::A, 0x55), -8);
  EXPECT_EQ(decode_sample(Law::A, 0xAA), 32256);
}

TEST(PhoneG711, EveryCodeSurvivesTheRoundTrip) {
  for (int code = 0; code < 256; ++code) {
    const auto c = static_cast<std::uint8_t>(code);
    for (const Law law : {Law::Mu, Law::A}) {
      const std::int16_t sample = decode_sample(law, c);
      EXPECT_EQ(decode_sample(law, encode_sample(law, sample)), sample) << code;
    }
  }
}

TEST(PhoneG711, EncodesTheWholeRangeWithinAStep) {
  for (int s = -32768; s <= 32767; ++s) {
    for (const Law law : {Law::Mu, Law::A}) {
      const int out = decode_sample(law, encode_sample(law, static_cast<std::int16_t>(s)));
      const int allowed = std::max(16, std::abs(s) / 16);
      ASSERT_LE(std::abs(out - s), allowed + (std::abs(s) > 32124 ? 700 : 0)) << s;
    }
  }
}

TEST(PhoneSound, MarkersTellSpeakersApartUnderSpeech) {
  for (std::size_t who = 0; who < kMarkers; ++who) {
    const Sound sound = with_marker(voice_like(120, 2), who);
    ASSERT_EQ(sound.samples.size() % 160, 0U);
    for (std::size_t at = 0; at + 160 <= sound.samples.size(); at += 160) {
      std::vector<std::int16_t> heard;
      for (std::size_t i = 0; i < 160; ++i) {
        heard.push_back(decode_sample(Law::Mu, encode_sample(Law::Mu, sound.samples[at + i])));
      }
      for (std::size_t m = 0; m < kMarkers; ++m) {
        const double amplitude = amplitude_at(heard, marker_hz(m));
        if (m == who) {
          ASSERT_GT(amplitude, 90) << "marker " << m << " at sample " << at;
        } else {
          ASSERT_LT(amplitude, 30) << "marker " << m << " at sample " << at;
        }
      }
    }
  }
}

TEST(PhoneSound, GoertzelMeasuresAmplitude) {
  EXPECT_NEAR(amplitude_at(tone(500, 8000, 0.1).samples, 500), 8000, 5);
  EXPECT_NEAR(amplitude_at(tone(500, 8000, 0.1).samples, 700), 0, 5);
}

TEST(PhoneSound, WavRoundTripAndClearErrors) {
  const auto folder = std::filesystem::temp_directory_path() / "segue-sound-test";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "tone.wav").string();
  ASSERT_TRUE(save_wav(path, tone(440, 9000, 1).samples).has_value());
  const auto loaded = load_wav(path);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text;
  EXPECT_EQ(loaded->samples.size(), 8000U);
  EXPECT_NEAR(amplitude_at(std::span(loaded->samples).subspan(4000, 800), 440), 9000, 400);
  std::filesystem::remove_all(folder);
  const auto missing = load_wav(path);
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().text.find("tone.wav"), std::string::npos);
}

TEST(PhoneWire, RtpRoundTripAndRefusals) {
  const Bytes payload = {1, 2, 3};
  RtpView packet{101, true, 65535, 0xFFFFFFF0, 42, payload};
  Bytes bytes = write_rtp(packet);
  const auto read = read_rtp(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->payload_type, 101);
  EXPECT_TRUE(read->marker);
  EXPECT_EQ(read->sequence, 65535);
  EXPECT_EQ(read->timestamp, 0xFFFFFFF0);
  EXPECT_EQ(read->payload.size(), 3U);
  EXPECT_FALSE(read_rtp(ByteView(bytes).first(11)).has_value());
  bytes[0] = 0x90;  // an extension whose header is not there
  EXPECT_FALSE(read_rtp(ByteView(bytes).first(13)).has_value());
  bytes[0] = 0x40;
  EXPECT_FALSE(read_rtp(bytes).has_value());
}

TEST(PhoneWire, RtcpRoundTripAndRefusals) {
  const SenderReport report{7, 0x0102030405060708ULL, 9, 10, 11};
  const Bytes bytes = write_rtcp(report, "ada@segue", true);
  EXPECT_EQ(bytes.size() % 4, 0U);
  const auto read = read_rtcp(bytes);
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->reports.size(), 1U);
  EXPECT_EQ(read->reports[0].ntp, report.ntp);
  EXPECT_EQ(read->reports[0].packets, 10U);
  EXPECT_EQ(read->cnames, std::vector<std::string>{"ada@segue"});
  EXPECT_TRUE(read->bye);
  for (std::size_t size = 0; size < bytes.size(); ++size) (void)read_rtcp(ByteView(bytes).first(size));
  EXPECT_FALSE(read_rtcp(ByteView(bytes).first(bytes.size() - 1)).has_value());
}

}  // namespace
}  // namespace segue::phone
