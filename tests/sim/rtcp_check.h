// The promise for RTCP, checked on every report that leaves for one leg: one name, no BYE before the leg's end, counts
// that never fall, and successive (NTP, RTP) pairs on one line within a frame (design.md section 1).
#pragma once

#include <fmt/core.h>

#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "rtp/rtcp.h"

namespace segue::sim {

class RtcpCheck {
 public:
  using Complain = std::function<void(const std::string&)>;

  void packet(ByteView bytes, bool closing, double frame_ms, const Complain& complain) {
    const auto compound = rtp::parse_compound(bytes);
    if (!compound) return complain("a packet that is no RTCP left");
    if (compound->bye && !closing) complain("an RTCP BYE in a running call");
    if (name_ && *name_ != compound->cname) complain("the canonical name changed");
    name_ = std::string(compound->cname);
    if (!compound->sender) return;
    if (last_) check_report(*compound->sender, frame_ms, complain);
    last_ = compound->sender;
  }

 private:
  void check_report(const rtp::SenderInfo& now, double frame_ms, const Complain& complain) const {
    if (static_cast<std::int32_t>(now.packets - last_->packets) < 0 ||
        static_cast<std::int32_t>(now.octets - last_->octets) < 0) {
      complain("the counts of the sender reports fell");
    }
    const double ntp_ms = static_cast<double>(static_cast<std::int64_t>(now.ntp - last_->ntp)) / 4294967296.0 * 1000;
    const double rtp_ms = static_cast<double>(static_cast<std::int32_t>(now.rtp - last_->rtp)) / 8;
    if (std::abs(ntp_ms - rtp_ms) > frame_ms) {
      complain(fmt::format("the sender reports are {:.1f} ms off one line", std::abs(ntp_ms - rtp_ms)));
    }
  }

  std::optional<std::string> name_;
  std::optional<rtp::SenderInfo> last_;
};

}  // namespace segue::sim
