#include "phone/talker.h"

#include <array>
#include <utility>

namespace segue::phone {

Talker::Talker(Random& random, std::string cname, Instant first)
    : cname_(std::move(cname)),
      due_(first),
      ssrc_(random.u32()),
      timestamp_(random.u32()),
      sequence_(static_cast<std::uint16_t>(random.u32())) {}

bool Talker::dial(const std::string& digits) {
  std::vector<std::uint8_t> codes;
  for (const char digit : digits) {
    const auto code = event_code(digit);
    if (!code) return false;
    codes.push_back(*code);
  }
  if (digits_.size() + codes.size() > kMaxQueuedDigits) return false;
  digits_.insert(digits_.end(), codes.begin(), codes.end());
  return true;
}

Talker::Output Talker::advance(Now now) {
  Output out;
  while (now.mono - due_ > kMaxBehind) {
    due_ += kFrame;
    timestamp_ += kFrameSamples;
  }
  while (due_ <= now.mono) {
    frame(out, now);
    due_ += kFrame;
    timestamp_ += kFrameSamples;
    ++frames_;
  }
  return out;
}

void Talker::frame(Output& out, Now now) {
  const bool resting = digit_frame_ >= kDigitFrames;
  if (!digits_.empty() && !resting && format_.event_payload_type && format_.send) {
    event_frame(out);
  } else if (format_.send) {
    audio_frame(out);
  }
  if (resting && ++digit_frame_ >= kDigitFrames + kRestFrames) {
    digit_frame_ = 0;
    digits_.pop_front();
    out.digits_done = digits_.empty();
  }
  if (frames_ % kRtcpFrames == kRtcpFrames / 10 && format_.rtcp.valid()) {
    out.packets.push_back({true, format_.rtcp, write_rtcp(report(now), cname_, false), std::nullopt});
  }
}

void Talker::event_frame(Output& out) {
  if (digit_frame_ == 0) {
    digit_timestamp_ = timestamp_;
    digit_began_ = due_;
  }
  const bool last = digit_frame_ + 1 == kDigitFrames;
  const auto duration = static_cast<std::uint16_t>((digit_frame_ + 1) * kFrameSamples);
  const auto payload = write_event(digits_.front(), last, duration);
  // The end is sent three times (RFC 4733 section 2.5.1.4): a lost one would leave the digit hanging.
  for (int i = 0; i < (last ? 3 : 1); ++i) {
    RtpView packet;
    packet.payload_type = *format_.event_payload_type;
    packet.marker = digit_frame_ == 0;
    packet.timestamp = digit_timestamp_;
    packet.payload = payload;
    push_rtp(out, packet, false);
  }
  position_ += kFrameSamples;
  if (last) out.pauses.push_back({digit_began_, due_ + kFrame});
  ++digit_frame_;
}

void Talker::audio_frame(Output& out) {
  std::array<std::uint8_t, kFrameSamples> payload{};
  for (std::uint8_t& code : payload) {
    const bool silent = !sound_ || sound_->samples.empty();
    code = encode_sample(format_.law, silent ? std::int16_t{0} : sound_->samples[position_ % sound_->samples.size()]);
    ++position_;
  }
  RtpView packet;
  packet.payload_type = format_.payload_type;
  packet.marker = std::exchange(talkspurt_, false);
  packet.timestamp = timestamp_;
  packet.payload = payload;
  push_rtp(out, packet, true);
}

void Talker::push_rtp(Output& out, RtpView packet, bool audio) {
  packet.sequence = sequence_++;
  packet.ssrc = ssrc_;
  ++packets_;
  octets_ += static_cast<std::uint32_t>(packet.payload.size());
  out.packets.push_back(
      {false, format_.rtp, write_rtp(packet), RtpSent{due_, due_, packet.sequence, packet.timestamp, audio}});
}

SenderReport Talker::report(Now now) const {
  // The RTP time that belongs to `now`, not to the last frame (RFC 3550 section 6.4.1).
  const auto since_due = (now.mono - due_) * 8 / 1ms;
  return {ssrc_, ntp_time(now.wall), timestamp_ + static_cast<std::uint32_t>(since_due), packets_, octets_};
}

Bytes Talker::goodbye(Now now) const { return write_rtcp(report(now), cname_, true); }

}  // namespace segue::phone
