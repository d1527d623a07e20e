// The voice of a test phone in one call: a steady clock of 20 ms frames that carry audio, a telephone event or nothing,
// and RTCP beside it. Pure: the time is an argument, packets come back as values. Owned by one phone, driven by the
// rig's thread.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/random.h"
#include "base/time.h"
#include "phone/capture.h"
#include "phone/g711.h"
#include "phone/sound.h"
#include "phone/wire.h"

namespace segue::phone {

inline constexpr Duration kFrame = 20ms;
inline constexpr std::uint32_t kFrameSamples = 160;
inline constexpr std::size_t kMaxQueuedDigits = 64;

struct TalkFormat {
  Law law = Law::Mu;
  std::uint8_t payload_type = 0;
  std::optional<std::uint8_t> event_payload_type;
  Endpoint rtp, rtcp;
  bool send = true;  ///< false while either side holds
};

class Talker {
 public:
  /// `first` is when the first frame is due. SSRC, sequence and timestamp start at random, as RFC 3550 section 5.1
  /// wants.
  Talker(Random& random, std::string cname, Instant first);

  void set_format(const TalkFormat& format) { format_ = format; }
  [[nodiscard]] const TalkFormat& format() const { return format_; }
  void play(std::shared_ptr<const Sound> sound) { sound_ = std::move(sound); }
  /// False if the queue is full or a character is no digit.
  bool dial(const std::string& digits);

  struct Output {
    struct Packet {
      bool rtcp = false;
      Endpoint to;
      Bytes bytes;
      std::optional<RtpSent> record;  ///< for RTP; `at` is filled in by who sends it
    };
    std::vector<Packet> packets;
    std::vector<Pause> pauses;
    bool digits_done = false;
  };
  /// Everything that is due. A clock that is more than kMaxBehind late skips what it missed, as a phone that was frozen
  /// does.
  [[nodiscard]] Output advance(Now now);
  [[nodiscard]] Instant next_deadline() const { return due_; }
  /// The last RTCP packet, with BYE.
  [[nodiscard]] Bytes goodbye(Now now) const;

 private:
  static constexpr Duration kMaxBehind = 1s;
  static constexpr unsigned kDigitFrames = 5;  // 100 ms, the usual length
  static constexpr unsigned kRestFrames = 5;
  static constexpr unsigned kRtcpFrames = 250;  // 5 s

  void frame(Output& out, Now now);
  void event_frame(Output& out);
  void audio_frame(Output& out);
  void push_rtp(Output& out, RtpView packet, bool audio);
  [[nodiscard]] SenderReport report(Now now) const;

  std::string cname_;
  TalkFormat format_;
  std::shared_ptr<const Sound> sound_;
  std::size_t position_ = 0;
  Instant due_;
  std::uint32_t ssrc_, timestamp_;
  std::uint16_t sequence_;
  std::uint32_t packets_ = 0, octets_ = 0;
  unsigned frames_ = 0;
  bool talkspurt_ = true;  // the next audio packet carries the marker
  std::deque<std::uint8_t> digits_;
  unsigned digit_frame_ = 0;  // within the digit and the rest after it
  std::uint32_t digit_timestamp_ = 0;
  Instant digit_began_{};
};

}  // namespace segue::phone
