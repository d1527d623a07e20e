#include "sip/framer.h"

#include "sip/chars.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace segue::sip {
namespace {

/// The body's size that a message's head announces. On a stream it must (section 18.3), exactly once, or nobody knows
/// where the next message begins; two readers who guess differently see different messages.
Result<std::size_t> content_length(std::string_view head) {
  LineCursor lines{head};
  std::string_view line;
  std::optional<std::uint32_t> length;
  if (!lines.next(line)) return fail(ErrorKind::InvalidInput, "no start line");
  while (lines.next(line)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (canonical_name(trim(line.substr(0, colon))) != "Content-Length") continue;
    if (length) return fail(ErrorKind::InvalidInput, "Content-Length stands twice");
    auto value = line.substr(colon + 1);
    while (!value.empty() && (is_class(value.front(), kSpace) || value.front() == '\r' || value.front() == '\n')) {
      value.remove_prefix(1);
    }
    length = parse_number(trim(value), 0x7fffffffU);
    if (!length) return fail(ErrorKind::InvalidInput, "Content-Length is not a number in range");
  }
  if (!length) return fail(ErrorKind::InvalidInput, "no Content-Length on a stream");
  return *length;
}

}  // namespace

/// Takes one frame off the buffer. False if more bytes are needed.
Result<bool> StreamFramer::cut() {
  const auto text = std::string_view(buffer_).substr(start_);
  if (need_ == 0 && text.starts_with("\r\n")) {
    if (text.size() < 4 && std::string_view("\r\n\r\n").starts_with(text)) return false;
    const bool ping = text.starts_with("\r\n\r\n");
    if (ping) ready_.push_back({true, {}});
    start_ += ping ? 4 : 2;
    scanned_ = start_;
    return true;
  }
  if (need_ == 0) {
    const auto from = scanned_ - start_ < 3 ? 0 : scanned_ - start_ - 3;
    const auto end = text.find("\r\n\r\n", from);
    scanned_ = buffer_.size();
    if ((end == std::string_view::npos ? text.size() : end + 4) > kMaxMessageBytes) {
      return fail(ErrorKind::Exhausted, "the headers are larger than a message may be");
    }
    if (end == std::string_view::npos) return false;
    const auto length = content_length(text.substr(0, end + 4));
    if (!length) return tl::unexpected(length.error());
    need_ = end + 4 + *length;
    if (need_ > kMaxMessageBytes) return fail(ErrorKind::Exhausted, "the message is larger than a message may be");
  }
  if (text.size() < need_) return false;
  ready_.push_back({false, std::string(text.substr(0, need_))});
  start_ += need_;
  scanned_ = start_;
  need_ = 0;
  return true;
}

Result<void> StreamFramer::push(std::string_view bytes) {
  if (broken_) return fail(ErrorKind::InvalidInput, "this stream was given up");
  buffer_.append(bytes);
  while (rest() > 0) {
    const auto more = cut();
    if (!more) {
      broken_ = true;
      broken_bytes_ = buffer_.substr(start_, kMaxMessageBytes);
      buffer_.clear();
      start_ = 0;
      return tl::unexpected(more.error());
    }
    if (!*more) break;
  }
  buffer_.erase(0, start_);
  scanned_ -= start_;
  start_ = 0;
  return {};
}

std::optional<StreamFramer::Frame> StreamFramer::next() {
  if (ready_.empty()) return std::nullopt;
  auto frame = std::move(ready_.front());
  ready_.pop_front();
  return frame;
}

}  // namespace segue::sip
