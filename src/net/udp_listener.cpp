#include "net/udp_listener.h"

#include <algorithm>
#include <cerrno>

namespace segue::net {
namespace {

constexpr std::size_t kSendBatch = 64;
constexpr int kBatchesPerWake = 4;  // then the loop's other work gets its turn

/// What phones send to keep a NAT's door open: line ends, zero bytes, nothing.
bool keep_alive(std::string_view bytes) {
  return bytes.size() <= 4 && bytes.find_first_not_of(std::string_view("\r\n\0 ", 4)) == std::string_view::npos;
}

}  // namespace

DatagramBatch::DatagramBatch() : room_(kSize * kBytes) {
  for (std::size_t i = 0; i < kSize; ++i) {
    parts_[i] = {room_.data() + i * kBytes, kBytes};
    headers_[i].msg_hdr.msg_iov = &parts_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_name = &from_[i].any;
  }
}

std::size_t DatagramBatch::receive(int fd) {
  for (auto& header : headers_) header.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
  const int got = ::recvmmsg(fd, headers_.data(), kSize, MSG_DONTWAIT, nullptr);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

std::string_view DatagramBatch::bytes(std::size_t i) const { return {room_.data() + i * kBytes, headers_[i].msg_len}; }

UdpListener::UdpListener(Loop& loop, Fd fd, const Endpoint& local, std::size_t max_queued, DatagramBatch& batch,
                         SipTransports::Counters& counters, OnDatagram on_datagram, OnFailed on_failed)
    : loop_(loop),
      watch_(loop, std::move(fd)),
      local_(local),
      max_queued_(max_queued),
      batch_(batch),
      counters_(counters),
      on_datagram_(std::move(on_datagram)),
      on_failed_(std::move(on_failed)) {
  watch_.when_readable([this] { readable(); });
}

void UdpListener::readable() {
  for (int round = 0; round < kBatchesPerWake; ++round) {
    const auto count = batch_.receive(watch_.fd());
    loop_.note_messages(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto from = batch_.from(i);
      if (from.port == 0) continue;  // nobody could answer it
      if (keep_alive(batch_.bytes(i))) {
        ++counters_.keep_alives;
        continue;
      }
      ++counters_.received;
      on_datagram_(batch_.bytes(i), from, local_);
    }
    if (count < DatagramBatch::kSize) break;
  }
  watch_.when_readable([this] { readable(); });
}

bool UdpListener::queue(const sip::Flow& flow, std::string bytes) {
  if (queue_.size() >= max_queued_) {
    ++counters_.dropped_full;
    return false;
  }
  queue_.push_back({flow, std::move(bytes)});
  return true;
}

int UdpListener::send_batch() {
  std::array<SockAddr, kSendBatch> to;
  std::array<iovec, kSendBatch> parts{};
  std::array<mmsghdr, kSendBatch> headers{};
  const auto count = std::min(queue_.size(), kSendBatch);
  for (std::size_t i = 0; i < count; ++i) {
    to[i] = SockAddr(queue_[i].flow.remote);
    parts[i] = {queue_[i].bytes.data(), queue_[i].bytes.size()};
    headers[i].msg_hdr.msg_name = &to[i].any;
    headers[i].msg_hdr.msg_namelen = to[i].length;
    headers[i].msg_hdr.msg_iov = &parts[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  const int sent = ::sendmmsg(watch_.fd(), headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

void UdpListener::flush() {
  while (!queue_.empty() && !waiting_) {
    const int result = send_batch();
    if (result > 0) {
      counters_.sent += static_cast<std::uint64_t>(result);
      queue_.erase(queue_.begin(), queue_.begin() + result);
    } else if (result == -EAGAIN || result == -ENOBUFS) {
      waiting_ = true;
      watch_.when_writable([this] {
        waiting_ = false;
        flush();
      });
    } else if (result != -EINTR) {
      on_failed_(queue_.front().flow);  // the first of the batch: too long, no route, refused by a filter
      queue_.pop_front();
    }
  }
}

}  // namespace segue::net
