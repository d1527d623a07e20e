#include "phone/journal.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace segue::phone {
namespace {

template <typename T>
void append(std::deque<T>& list, T item, std::size_t limit, std::size_t& forgotten) {
  if (list.size() >= limit) {
    list.pop_front();
    ++forgotten;
  }
  list.push_back(std::move(item));
}

template <typename T>
void copy_since(const std::deque<T>& from, std::deque<T>& to, Instant since) {
  const auto first = std::find_if(from.begin(), from.end(), [&](const T& item) { return item.at >= since; });
  to.assign(first, from.end());
}

template <typename T>
void drop_before(std::deque<T>& list, Instant t) {
  while (!list.empty() && list.front().at < t) list.pop_front();
}

}  // namespace

void Journal::event(PhoneEvent event) {
  {
    const std::lock_guard lock(mutex_);
    if (events_.size() >= limits_.events) {
      events_.pop_front();
      ++first_event_;
    }
    events_.push_back(std::move(event));
  }
  changed_.notify_all();
}

void Journal::rtp(Datagram datagram) {
  const std::lock_guard lock(mutex_);
  append(capture_.rtp, std::move(datagram), limits_.rtp, capture_.forgotten);
}

void Journal::rtcp(Datagram datagram) {
  const std::lock_guard lock(mutex_);
  append(capture_.rtcp, std::move(datagram), limits_.rtcp, capture_.forgotten);
}

void Journal::sip(SipLine line) {
  const std::lock_guard lock(mutex_);
  append(capture_.sip, std::move(line), limits_.sip, capture_.forgotten);
}

void Journal::sent(RtpSent packet) {
  const std::lock_guard lock(mutex_);
  append(capture_.sent, packet, limits_.rtp, capture_.forgotten);
}

void Journal::pause(Pause pause) {
  const std::lock_guard lock(mutex_);
  append(capture_.pauses, pause, limits_.pauses, capture_.forgotten);
}

Mark Journal::mark() const {
  const std::lock_guard lock(mutex_);
  return first_event_ + events_.size();
}

std::optional<PhoneEvent> Journal::wait(std::initializer_list<PhoneEvent::Kind> kinds, Mark since,
                                        Duration limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(mutex_);
  Mark next = since;
  for (;;) {
    for (next = std::max(next, first_event_); next < first_event_ + events_.size(); ++next) {
      const PhoneEvent& candidate = events_[next - first_event_];
      if (std::find(kinds.begin(), kinds.end(), candidate.kind) != kinds.end()) return candidate;
    }
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    changed_.wait_until(lock, deadline);
  }
}

Capture Journal::copy(Instant since) const {
  const std::lock_guard lock(mutex_);
  Capture out;
  copy_since(capture_.rtp, out.rtp, since);
  copy_since(capture_.sip, out.sip, since);
  copy_since(capture_.sent, out.sent, since);
  out.rtcp = capture_.rtcp;
  out.pauses = capture_.pauses;
  out.forgotten = capture_.forgotten;
  return out;
}

void Journal::forget_before(Instant t) {
  const std::lock_guard lock(mutex_);
  drop_before(capture_.rtp, t);
  drop_before(capture_.sip, t);
  drop_before(capture_.sent, t);
  while (!capture_.pauses.empty() && capture_.pauses.front().to < t) capture_.pauses.pop_front();
}

}  // namespace segue::phone
