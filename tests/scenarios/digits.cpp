// Keys pressed in a live call, over loopback sockets: ordinary ones reach the far party within a frame, a code's reach
// it neither as events nor as tones, and those that turn out to be no code arrive complete and in order. Exit code 0
// only if all of it holds.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <numbers>

#include "app/demo_stage.h"
#include "rtp/packet.h"
#include "rtp/telephone_event.h"

namespace segue::scenario {
namespace {

using app::Act;
using app::Stage;
using phone::PhoneEvent;

constexpr std::string_view kOrdinary = "0123456789#5150073";
constexpr std::uint8_t kEventType = 101;
constexpr double kFrameMs = 20;
constexpr Duration kLimit = 15s;

/// A key at the far party: its first packet's time, and its last's.
struct Key {
  char digit = 0;
  std::uint32_t timestamp = 0;
  std::vector<Instant> packets;
};

/// Tones at an even pitch, far from those of DTMF (ITU-T Q.23), and the speaker's marker comes on top.
app::Voices hums() {
  return {phone::tone(440, 3000, 1), phone::tone(460, 3000, 1), phone::tone(480, 3000, 1), phone::tone(500, 3000, 1)};
}

std::vector<Key> keys_heard(const phone::Capture& capture) {
  std::vector<Key> keys;
  for (const auto& datagram : capture.rtp) {
    const auto packet = rtp::parse_packet(datagram.bytes);
    if (!packet || packet->payload_type != kEventType) continue;
    const auto event = rtp::parse_telephone_event(packet->payload);
    const char digit = event ? rtp::event_digit(event->code).value_or('?') : '?';
    if (keys.empty() || keys.back().timestamp != packet->timestamp) keys.push_back({digit, packet->timestamp, {}});
    keys.back().packets.push_back(datagram.at);
  }
  return keys;
}

std::string digits_of(const std::vector<Key>& keys) {
  std::string digits;
  for (const auto& key : keys) digits += key.digit;
  return digits;
}

/// From when each event packet was due at the phone to its coming to the far party, in ms: the phone's and the server's
/// schedulers included. The server makes no packet more and none less.
std::vector<double> delays(const phone::Capture& from, const std::vector<Key>& heard) {
  std::vector<Instant> sent, come;
  for (const auto& packet : from.sent) {
    if (!packet.audio) sent.push_back(packet.due);
  }
  for (const auto& key : heard) come.insert(come.end(), key.packets.begin(), key.packets.end());
  std::vector<double> out;
  if (sent.size() != come.size()) return out;
  for (std::size_t i = 0; i < sent.size(); ++i) out.push_back(to_ms(come[i] - sent[i]));
  std::sort(out.begin(), out.end());
  return out;
}

/// The loudest DTMF pair in any 40 ms: a tone counts if a row and a column are both there.
double loudest_pair(std::span<const std::int16_t> samples) {
  constexpr std::array rows = {697.0, 770.0, 852.0, 941.0}, columns = {1209.0, 1336.0, 1477.0, 1633.0};
  constexpr std::size_t window = 320;
  double loudest = 0;
  for (std::size_t at = 0; at + window <= samples.size(); at += window / 2) {
    const auto part = samples.subspan(at, window);
    const auto highest = [&](const auto& set) {
      double most = 0;
      for (const double hz : set) most = std::max(most, phone::amplitude_at(part, hz));
      return most;
    };
    loudest = std::max(loudest, std::min(highest(rows), highest(columns)));
  }
  return loudest;
}

/// That the meter above would find one: 40 ms of key 1 at a twentieth of the voice's level.
bool finds_a_tone() {
  std::vector<std::int16_t> samples(1600);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(i) / phone::kSampleRate;
    const double key = i >= 640 && i < 960 ? 150 * (std::sin(697 * t) + std::sin(1209 * t)) : 0;
    samples[i] = static_cast<std::int16_t>(std::lround(3000 * std::sin(440 * t) + key));
  }
  return loudest_pair(samples) > 100;
}

class Keys {
 public:
  explicit Keys(Stage& stage) : stage_(stage) {}
  [[nodiscard]] bool good() const { return good_; }

  void ordinary() {
    const auto began = press(kOrdinary);
    const auto heard = keys_heard(stage_.grace().journal().copy(began));
    expect(digits_of(heard) == kOrdinary, fmt::format("ordinary keys: {} heard as {}", kOrdinary, digits_of(heard)));
    const auto ms = delays(stage_.device(stage_.at()).journal().copy(began), heard);
    expect(!ms.empty() && ms.back() < kFrameMs,
           ms.empty()
               ? "ordinary keys: not packet for packet"
               : fmt::format("ordinary keys: {} packets, delay {:.2f} ms in the median, {:.2f} at most (a frame: "
                             "{:.0f})",
                             ms.size(), ms[ms.size() / 2], ms.back(), kFrameMs));
  }

  void code() {
    const auto taken = stage_.flip(Act::Code, 1);
    if (!taken) return expect(false, "code: " + taken.error().text);
    expect(taken->outcome == "done", "code: the flip is " + taken->outcome);
    const auto far = stage_.grace().journal().copy(taken->far.asked);
    const auto heard = keys_heard(far);
    expect(heard.empty(), fmt::format("code: {} of its keys heard as events", heard.size()));
    const auto audio = phone::reconstruct(far, stage_.far_setup());
    const double loudest = loudest_pair(audio.samples);
    expect(!audio.samples.empty() && loudest < 60,
           fmt::format("code: loudest DTMF pair in {:.1f} s of audio {:.0f} of 32768",
                       static_cast<double>(audio.samples.size()) / phone::kSampleRate, loudest));
  }

  void no_code() {
    const auto began = press("*94");
    const auto heard = digits_of(keys_heard(stage_.grace().journal().copy(began)));
    expect(heard == "*94", fmt::format("no code: *94 heard as {}", heard));
  }

 private:
  Instant press(std::string_view keys) {
    auto& phone = stage_.device(stage_.at());
    const auto mark = phone.mark();
    const Instant began = stage_.grace().journal().copy().rtp.back().at;
    phone.digits(std::string(keys));
    expect(phone.wait({PhoneEvent::Kind::DigitsDone}, mark, kLimit).has_value(), fmt::format("{} pressed", keys));
    expect(stage_.talk(1500ms), "the call goes on");  // what is made anew takes as long as what was pressed
    return began;
  }
  void expect(bool kept, const std::string& what) {
    fmt::print("{}  {}\n", kept ? "kept" : "RED ", what);
    good_ = good_ && kept;
  }
  Stage& stage_;
  bool good_ = true;
};

int run(const std::string& folder) {
  if (!finds_a_tone()) return fmt::print("the meter finds no tone\n"), 2;
  auto stage = Stage::set_up({.data_dir = folder, .voices = hums(), .ring = 300ms, .far_packets = 20'000});
  if (!stage) return fmt::print("cannot set up: {}\n", stage.error().text), 2;
  if (const auto called = (*stage)->place_call(); !called) return fmt::print("no call: {}\n", called.error().text), 2;
  Keys keys(**stage);
  keys.ordinary();
  keys.code();
  keys.no_code();
  const auto ended = (*stage)->end_call();
  return ended && keys.good() ? 0 : 1;
}

}  // namespace
}  // namespace segue::scenario

int main() {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("segue-digits-{}", ::getpid());
  const int code = segue::scenario::run(folder.string());
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return code;
}
