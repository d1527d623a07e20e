// One simulated world from one seed: the real Engine and the real Exchange joined by a mailbox with delays, a network
// that loses, doubles, reorders and delays, fake phones, and the checkers of what must always hold. Same seed, same
// world.
#pragma once

#include <memory>
#include <set>
#include <unordered_map>

#include "engine/engine.h"
#include "media/exchange.h"
#include "sim/clock.h"
#include "sim/line_check.h"
#include "sim/phone.h"
#include "sim/rtcp_check.h"

namespace segue::sim {

/// What kind of world it is; drawn from the seed.
struct Weather {
  Duration sip_delay{20ms}, mailbox_delay{2ms};
  double sip_loss = 0, sip_double = 0;
  Duration jitter{};
  double rtp_loss = 0;
  double dtx = 0;
  unsigned longest_ptime = 20;
  [[nodiscard]] std::string words() const;
};

struct Counts {
  std::uint64_t flips = 0, calls = 0, sip_messages = 0, rtp_packets = 0, reports_kept = 0, reports_excused = 0,
                reports_open = 0, packets_strict = 0, packets_excused = 0;
  double worst_late_ms = 0, worst_gap_ms = 0;
  std::map<std::string, std::map<std::string, std::uint64_t>> outcomes;  ///< trigger -> outcome -> count
  std::map<std::string, std::uint64_t> races;
  void add(const Counts& other);
};

class World final : public Surroundings, private engine::MediaPorts, private media::Exchange::Sink {
 public:
  static constexpr int kGroups = 6, kPhonesInGroup = 6;

  World(std::uint64_t seed, std::shared_ptr<const media::ClipLibrary> clips, bool verbose);
  /// What to spoil in all that leaves, so that a checker must complain ("" for nothing).
  std::string spoil;
  ~World() override;

  /// Runs the clock until nothing is due before `end`, or a violation was found.
  void run_until(Instant end);
  /// Nothing may be left once all calls are over and all transactions have timed out.
  void expect_empty();

  void complain(const std::string& what) override;
  void note(Phone& who, const std::string& what) override;
  void race(const std::string& name) { ++counts.races[name]; }
  void deliver();  ///< carries out what the engine wants; call after each request to it

  Clock clock;
  Random random;
  Weather weather;
  std::unique_ptr<engine::Engine> engine;
  std::vector<std::unique_ptr<Phone>> phones;
  std::vector<std::string> violations;
  Counts counts;
  std::vector<call::CallRecord> records;
  [[nodiscard]] Duration some(Duration most);

 private:
  void sip_out(Phone& from, std::string bytes) override;
  void rtp_out(Phone& from, const Endpoint& source, const Endpoint& to, ByteView packet) override;
  void source_did(const PhoneCall& call, Did what) override;
  Result<Endpoint> allocate(LegId leg, bool v6) override;
  void release(LegId leg) override;
  void send_rtp(LegId leg, const Endpoint& to, ByteView packet) override;
  void send_rtcp(LegId leg, const Endpoint& to, ByteView packet, bool muxed) override;
  void tell(media::Message message) override;

  void print_packet(std::string_view way, LegId leg, const Phone& phone, ByteView packet) const;
  void draw_weather();
  void make_people();
  void over_network(std::function<void()> arrive);
  void carry_out(engine::Output output);
  void to_media(media::Command command);
  void note_command(const media::Command& command);
  void set_source(LegId line, LegId source);
  void key_on(LegId leg);
  void drop_line(LegId leg);
  [[nodiscard]] LegId leg_of(const Endpoint& port) const;
  [[nodiscard]] LegId whose(const rtp::PacketView& packet, LegId source) const;
  void check_record(const call::CallRecord& record);
  void check_report(const call::CallRecord& record, const call::FlipRecord& flip);
  void check_engine();

  const bool verbose_;
  Endpoint server_{IpAddress::v4(10, 0, 0, 1), 5060};
  std::unique_ptr<media::Exchange> exchange_;
  std::unordered_map<Endpoint, Phone*> by_address_;
  std::unordered_map<std::uint16_t, LegId> leg_of_port_;
  std::unordered_map<LegId, std::uint16_t> port_of_leg_;
  std::set<LegId> released_;
  struct Speaker {   ///< a leg as a source
    int index = -1;  ///< of its phone, which tells its level
    bool believed = true;
    rtp::PacketView last;  ///< its header; of the payload only the size is good
    Doings doings;
  };
  std::unordered_map<LegId, LineCheck> lines_;  ///< of the media plane's legs
  std::unordered_map<LegId, Speaker> speakers_;
  std::unordered_map<LegId, std::vector<LegId>> carriers_;  ///< lines by their source
  std::unordered_map<LegId, RtcpCheck> reports_;
  struct Measuring {  ///< a flip whose line is watched
    LegId line, to;
    unsigned excuses = 0;
  };
  void slow_proof(LegId leg);
  [[nodiscard]] bool disturbed_during(const call::CallRecord& record, const call::FlipRecord& f) const;
  std::unordered_map<std::uint64_t, Instant> disturbed_;  ///< by group: until when a source's doings may be felt
  bool doctor(LegId leg, Bytes& packet, Endpoint& to);
  std::map<FlipId, Measuring> measuring_;
  std::map<FlipId, unsigned> excuses_;  ///< of flips that have been measured
  std::uint64_t doctored_ = 0;
  LegId arriving_;               ///< whose packet the exchange is looking at
  std::vector<LegId> heard_on_;  ///< lines on which somebody's audio has left for it
  bool closing_ = false;
  std::uint16_t next_port_ = 20000;
  Instant media_free_{}, engine_free_{};
};

}  // namespace segue::sim
