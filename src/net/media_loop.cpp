#include "net/media_loop.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "net/clock.h"

namespace segue::net {
namespace {

constexpr std::size_t kEventsPerWake = 512;
constexpr std::uint64_t kWakeKey = UINT64_MAX;
constexpr Duration kLoadWindow = 10ms;

timespec to_timespec(Duration d) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(d);
  return {seconds.count(), static_cast<long>((d - seconds).count())};
}

}  // namespace

MediaLoop::MediaLoop(const MediaWorkerConfig& config, std::shared_ptr<const media::ClipLibrary> clips, Parts parts)
    : config_(config),
      parts_(std::move(parts)),
      exchange_(config.exchange, std::move(clips)),
      slots_(media::kMaxLegs),
      events_(kEventsPerWake) {
  for (std::size_t i = media::kMaxLegs; i > 0; --i) free_slots_.push_back(static_cast<std::uint32_t>(i - 1));
  slot_of_.reserve(media::kMaxLegs);
  (void)watch(parts_.wake.get(), kWakeKey);
}

void MediaLoop::run(const std::atomic<bool>& stop) {
  ::prctl(PR_SET_TIMERSLACK, 1000UL);  // ns: the default of 50 us would add itself to each deadline
  window_begun_ = read_clock().mono;
  while (!stop.load(std::memory_order_acquire)) wait_and_serve();
}

/// One wake: all sockets that are ready, then the orders, then what is due.
void MediaLoop::wait_and_serve() {
  const auto deadline = exchange_.next_deadline();
  timespec timeout{};
  if (deadline) timeout = to_timespec(std::max(Duration{0}, *deadline - read_clock().mono));
  const int count =
      ::epoll_pwait2(parts_.epoll.get(), events_.data(), kEventsPerWake, deadline ? &timeout : nullptr, nullptr);
  MediaCounters::add(parts_.counters.wakes, 1);
  ++wake_;
  bool ordered = false;
  for (int i = 0; i < count; ++i) {
    const auto& event = events_[static_cast<std::size_t>(i)];
    if (event.data.u64 == kWakeKey) {
      ordered = true;
    } else {
      serve(event);
    }
  }
  // After the sockets: an order may close a leg whose event still stands in this batch, and another may take its slot.
  if (ordered) take_orders();
  const auto now = read_clock();
  if (const auto due = exchange_.next_deadline(); due && *due <= now.mono) exchange_.advance(now, *this);
  flush();
  close_told();
  if (!messages_.empty()) parts_.deliver(messages_);
  pause_if_busy(now);
}

/// Thousands of sockets whose packets come evenly spread would cost a wake a packet. Under load a pause lets some
/// gather: it costs each at most a twentieth of a frame, and saves most calls of epoll.
void MediaLoop::pause_if_busy(Now now) {
  if (config_.coalesce <= Duration{0}) return;
  const auto passed = now.mono - window_begun_;
  if (passed >= kLoadWindow) {
    busy_ = static_cast<double>(window_packets_) > static_cast<double>(config_.coalesce_above_pps) * to_s(passed);
    window_begun_ = now.mono;
    window_packets_ = 0;
  }
  if (!busy_) return;
  auto pause = config_.coalesce;
  if (const auto deadline = exchange_.next_deadline()) pause = std::min(pause, *deadline - now.mono);
  if (pause <= Duration{0}) return;
  const auto time = to_timespec(pause);
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
  MediaCounters::add(parts_.counters.pauses, 1);
}

void MediaLoop::serve(const epoll_event& event) {
  receive(static_cast<std::uint32_t>(event.data.u64 >> 1), (event.data.u64 & 1) != 0);
}

/// At most one batch of a socket in a wake, so that a flood on one leg does not keep the others waiting. Most sockets
/// hold one packet every 20 ms: only one that is ready in two wakes running is read as a batch.
void MediaLoop::receive(std::uint32_t slot, bool rtcp) {
  auto& leg = slots_[slot];
  const bool burst = !rtcp && std::exchange(leg.last_wake, wake_) + 1 == wake_;
  const auto count = in_.receive(rtcp ? leg.sockets.rtcp : leg.sockets.rtp, burst ? ReceiveBatch::kSize : 1);
  if (count == 0) return;
  const auto now = read_clock();
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (in_.cut(i)) {
      MediaCounters::add(parts_.counters.oversized, 1);
      continue;
    }
    const auto packet = in_.packet(i);
    bytes += packet.size();
    if (rtcp) {
      exchange_.receive_rtcp(leg.id, in_.from(i), packet, now, *this);
    } else {
      exchange_.receive_rtp(leg.id, in_.from(i), packet, in_.arrived(i, now), now, *this);
    }
  }
  flush();
  window_packets_ += count;
  MediaCounters::add(parts_.counters.packets_in, count);
  MediaCounters::add(parts_.counters.bytes_in, bytes);
}

// ---- orders

void MediaLoop::take_orders() {
  std::uint64_t ignored = 0;
  // Cleared before the orders are taken: one that comes in between wakes us again.
  if (::read(parts_.wake.get(), &ignored, sizeof ignored) < 0) return;
  parts_.orders.take(orders_);
  for (auto& order : orders_) carry_out(order);
  MediaCounters::add(parts_.counters.commands, orders_.size());
  orders_.clear();
}

void MediaLoop::carry_out(MediaOrder& order) {
  if (const auto* leg = std::get_if<media::OpenLeg>(&order.command)) {
    if (find(leg->leg)) return;  // ids are never used twice; the leg that is there keeps its sockets
    open(leg->leg, order.sockets);
  }
  exchange_.handle(order.command, read_clock(), *this);
  if (const auto* leg = std::get_if<media::OpenLeg>(&order.command); leg && !find(leg->leg) && closing_.empty()) {
    // No slot or no place in epoll: a leg that can hear nothing is closed at once, in the words that its owner knows.
    // (If `closing_` is not empty the Exchange has refused it already.)
    exchange_.handle(media::CloseLeg{leg->leg}, read_clock(), *this);
  }
  flush();
  close_told();
}

void MediaLoop::open(LegId leg, const MediaSockets& sockets) {
  if (free_slots_.empty()) return;
  const auto slot = free_slots_.back();
  const auto key = std::uint64_t{slot} << 1;
  if (!watch(sockets.rtp, key)) return;
  if (!watch(sockets.rtcp, key | 1)) return unwatch(sockets.rtp);
  free_slots_.pop_back();
  slots_[slot] = {leg, sockets, 0};
  slot_of_[leg] = slot;
  MediaCounters::add(parts_.counters.legs, 1);
}

bool MediaLoop::watch(int fd, std::uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  return ::epoll_ctl(parts_.epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void MediaLoop::unwatch(int fd) { ::epoll_ctl(parts_.epoll.get(), EPOLL_CTL_DEL, fd, nullptr); }

void MediaLoop::close_told() {
  for (const auto leg : closing_) {
    const auto it = slot_of_.find(leg);
    if (it == slot_of_.end()) continue;
    auto& slot = slots_[it->second];
    unwatch(slot.sockets.rtp);
    unwatch(slot.sockets.rtcp);
    slot = {};
    free_slots_.push_back(it->second);
    slot_of_.erase(it);
    MediaCounters::add(parts_.counters.legs, UINT64_MAX);  // minus one
  }
  closing_.clear();
}

// ---- what the Exchange asks for

const MediaLoop::Leg* MediaLoop::find(LegId leg) const {
  const auto it = slot_of_.find(leg);
  return it == slot_of_.end() ? nullptr : &slots_[it->second];
}

void MediaLoop::send_rtp(LegId leg, const Endpoint& to, ByteView packet) {
  if (const auto* found = find(leg)) send_by(found->sockets.rtp, to, packet);
}

void MediaLoop::send_rtcp(LegId leg, const Endpoint& to, ByteView packet, bool muxed) {
  const auto* found = find(leg);
  if (found) send_by(muxed ? found->sockets.rtp : found->sockets.rtcp, to, packet);
}

void MediaLoop::send_by(int fd, const Endpoint& to, ByteView packet) {
  if (packet.size() > kMaxPacket) {
    MediaCounters::add(parts_.counters.oversized, 1);
    return;
  }
  if (out_.full() || (!out_.empty() && out_.fd() != fd)) flush();
  out_.add(fd, to, packet);
}

void MediaLoop::flush() {
  const auto asked = out_.size();
  if (asked == 0) return;
  const auto bytes = out_.bytes();
  const auto sent = out_.flush();
  MediaCounters::add(parts_.counters.packets_out, sent);
  MediaCounters::add(parts_.counters.bytes_out, bytes);
  if (sent < asked) MediaCounters::add(parts_.counters.send_failed, asked - sent);
}

void MediaLoop::tell(media::Message message) {
  if (const auto* closed = std::get_if<media::LegClosed>(&message)) closing_.push_back(closed->leg);
  messages_.push_back(std::move(message));
}

}  // namespace segue::net
