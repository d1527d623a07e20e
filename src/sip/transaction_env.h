// What every state machine of one sip::Agent shares: settings, timers, the queue of outputs, counters. Owned by
// Agent::Impl, passed by reference; nothing here outlives the agent.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "sip/agent.h"
#include "sip/timers.h"

namespace segue::sip {

struct TransactionEnv {
  const AgentConfig& config;
  TimerQueue& timers;
  std::deque<Output>& out;
  Agent::Counters& counters;

  /// 64 * T1: RFC 3261's limit for everything that is repeated.
  [[nodiscard]] Duration limit() const { return 64 * config.t1; }
  void send(const Flow& flow, std::string bytes, bool refresh = false) const {
    out.emplace_back(SendMessage{flow, std::move(bytes), refresh});
  }
};

}  // namespace segue::sip
