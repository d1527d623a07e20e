// The whole media plane on a script made of the input: commands, packets from right and wrong places, and time.
// Whatever happens, each line keeps its SSRC, no deadline stands still, and closing everything leaves nothing.
#include <array>
#include <cstdlib>
#include <map>

#include "media/exchange.h"
#include "rtp/packet.h"

namespace {

using namespace segue;
using namespace segue::media;

constexpr std::uint64_t kLegs = 5;

class Script : public Exchange::Sink {
 public:
  Script(const std::uint8_t* data, std::size_t size) : data_(data), left_(size), exchange_(config(), clips()) {}

  void run() {
    while (left_ > 0) step();
    for (std::uint64_t leg = 1; leg <= kLegs; ++leg) handle(CloseLeg{LegId{leg}});
    if (exchange_.legs() != 0 || exchange_.next_deadline()) std::abort();
  }
  void send_rtp(LegId leg, const Endpoint& to, ByteView packet) override {
    const auto view = rtp::parse_packet(packet);
    if (!view || view->ssrc != leg.value * 1000 || !to.valid()) std::abort();
  }
  void send_rtcp(LegId, const Endpoint&, ByteView packet, bool) override {
    if (packet.size() < 8) std::abort();
  }
  void tell(Message) override {}

 private:
  static ExchangeConfig config() {
    ExchangeConfig config;
    config.dead_after = 2s;
    config.rtcp_interval = 500ms;
    return config;
  }
  static std::shared_ptr<const ClipLibrary> clips() {
    static const auto library = std::make_shared<const ClipLibrary>();
    return library;
  }
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  LegId leg() { return LegId{byte() % kLegs + 1u}; }
  void handle(const Command& command) { exchange_.handle(command, now_, *this); }
  static Endpoint address(LegId leg, std::uint16_t port) {
    return {IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(leg.value)), port};
  }
  void remote(LegId id) {
    SetRemote remote;
    remote.leg = id;
    const auto bits = byte();
    remote.format.codec = static_cast<Codec>(bits & 3);
    remote.format.ptime_ms = 10 + 10u * ((bits >> 2) & 3);
    remote.format.send_pt = remote.format.receive_pt = 0;
    if ((bits & 16) == 0) remote.format.send_event_pt = 101;
    remote.format.receive_event_pt = 101;
    remote.format.receive_cn_pt = 13;
    remote.format.event_clock = (bits & 32) != 0 ? 48000 : 8000;
    remote.send = (bits & 64) == 0;
    remote.address.rtp = address(id, (bits & 128) != 0 ? 4000 : 5000);
    remote.address.rtcp = address(id, 4001);
    handle(remote);
  }
  void packet() {
    const LegId id = leg();
    const auto bits = byte();
    constexpr std::array<std::uint8_t, 4> kTypes{0, 101, 13, 77};
    auto& sequence = sequences_[id.value];
    sequence = static_cast<std::uint16_t>(sequence + (bits & 3) - ((bits & 4) != 0 ? 2 : 0));
    auto& timestamp = timestamps_[id.value];
    timestamp += ((bits & 8) != 0 ? 0u : 160u) + ((bits & 16) != 0 ? byte() * 100000u : 0u);
    Bytes bytes(rtp::kHeaderBytes + (byte() & 0x7F) * 4u);
    rtp::write_header(bytes, {(bits & 32) != 0, kTypes[byte() & 3], sequence, timestamp, (bits & 64) != 0 ? 9u : 8u});
    for (std::size_t i = rtp::kHeaderBytes; i < bytes.size() && i < 20; ++i) bytes[i] = byte();
    exchange_.receive_rtp(id, address(id, (bits & 128) != 0 ? 4000 : 5000), bytes, now_.mono, now_, *this);
  }
  void time() {
    now_.mono += byte() * 1ms;
    now_.wall += 1ms;
    exchange_.advance(now_, *this);
    if (const auto next = exchange_.next_deadline(); next && *next <= now_.mono) std::abort();
  }
  void raw() {
    const LegId id = leg();
    const std::size_t n = std::min<std::size_t>(byte(), left_);
    const ByteView bytes{data_, n};
    data_ += n;
    left_ -= n;
    exchange_.receive_rtp(id, address(id, 4000), bytes, now_.mono, now_, *this);
    exchange_.receive_rtcp(id, address(id, 4001), bytes, now_, *this);
  }
  void step() {
    switch (byte() % 14) {
      case 0: {
        OpenLeg open;
        open.leg = leg();
        open.cname = "fuzz";
        open.ssrc = static_cast<std::uint32_t>(open.leg.value * 1000);
        open.first_sequence = 65530;
        open.first_timestamp = 0xFFFFFF00;
        return handle(open);
      }
      case 1:
        return remote(leg());
      case 2:
        return handle(SetSource{leg(), FromLeg{leg()}});
      case 3:
        return handle(SetSource{leg(), FromClip{static_cast<Clip>(byte() % 7), (byte() & 1) != 0}});
      case 4:
        return handle(SetSource{leg(), FromNothing{}});
      case 5:
        return handle(SetDigitGate{leg(), (byte() & 1) != 0, {"*1", "*11", "*0"}});
      case 6:
        return handle(InjectDigit{leg(), static_cast<char>(byte()), byte() * 20u});
      case 7:
        return handle(WatchLine{leg(), FlipId{byte() % 3u + 1}});
      case 8:
        return handle(ArmSplice{leg(), leg(), FlipId{byte() % 3u + 1}, (byte() & 1) != 0, now_.mono});
      case 9:
        return (byte() & 1) != 0 ? handle(DisarmSplice{leg(), FlipId{1}}) : handle(UnwatchLine{leg(), FlipId{1}});
      case 10:
        return byte() < 40 ? handle(CloseLeg{leg()}) : time();
      case 11:
        return raw();
      case 12:
        return time();
      default:
        return packet();
    }
  }

  const std::uint8_t* data_;
  std::size_t left_;
  Exchange exchange_;
  Now now_{Instant{100s}, WallTime{1700000000s}};
  std::map<std::uint64_t, std::uint16_t> sequences_;
  std::map<std::uint64_t, std::uint32_t> timestamps_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  Script(data, size).run();
  return 0;
}
