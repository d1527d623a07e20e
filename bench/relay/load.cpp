#include "relay/load.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "net/clock.h"
#include "rtp/packet.h"

namespace segue::bench {
namespace {

constexpr std::size_t kPayload = 160;
constexpr std::size_t kStepsPerFrame = 20;

net::Fd socket_or_exit() {
  auto fd = net::bind_udp({IpAddress::v4(127, 0, 0, 1), 0});
  if (!fd) {
    std::fprintf(stderr, "%s\n", fd.error().text.c_str());
    std::exit(2);
  }
  return std::move(*fd);
}

void sleep_until(Instant when) {
  const auto ns = when.time_since_epoch().count();
  const timespec time{ns / 1000000000, static_cast<long>(ns % 1000000000)};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

}  // namespace

Load::Load(std::size_t phones) : phones_(phones), rtcp_(socket_or_exit()) {
  for (auto& phone : phones_) phone.socket = socket_or_exit();
}

Endpoint Load::address(std::size_t phone) const { return net::local_endpoint(phones_[phone].socket.get()); }
Endpoint Load::rtcp() const { return net::local_endpoint(rtcp_.get()); }

void Load::send(Phone& phone, Count& count) {
  std::array<std::uint8_t, rtp::kHeaderBytes + kPayload> packet;
  packet.fill(0xd5);
  rtp::write_header(packet, {false, 0, phone.sequence, static_cast<std::uint32_t>(phone.sequence * kPayload), 0x5e6ae});
  ++phone.sequence;
  if (::sendto(phone.socket.get(), packet.data(), packet.size(), 0, &phone.server.any, phone.server.length) > 0)
    ++count.sent;
}

void Load::drain(Phone& phone, Count& count) {
  std::array<std::uint8_t, 2048> packet;
  while (::recv(phone.socket.get(), packet.data(), packet.size(), MSG_DONTWAIT) > 0) ++count.received;
}

Load::Count Load::run(Duration time) {
  Count count;
  const auto begin = net::read_clock().mono;
  const auto steps = static_cast<std::size_t>(time / 1ms);
  for (std::size_t step = 0; step < steps; ++step) {
    sleep_until(begin + static_cast<std::int64_t>(step) * 1ms);
    const auto slot = step % kStepsPerFrame;
    for (std::size_t i = slot; i < phones_.size(); i += kStepsPerFrame) {
      drain(phones_[i], count);  // what came for it in the frame before
      send(phones_[i], count);
    }
  }
  // What is still on its way: a machine that is busy with other work may take its time, which is no loss.
  for (int wait = 0; wait < 100 && count.received < count.sent; ++wait) {
    sleep_until(begin + time + wait * 10ms);
    for (auto& phone : phones_) drain(phone, count);
  }
  return count;
}

}  // namespace segue::bench
