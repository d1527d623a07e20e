// Cuts a byte stream (TCP, TLS) into SIP messages by Content-Length (RFC 3261 section 18.3) and recognises RFC 5626
// keep-alives. Bounded by kMaxMessageBytes: a peer that never ends its headers is an error, and the edge closes it.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace segue::sip {

class StreamFramer {
 public:
  struct Frame {
    bool ping = false;  ///< CRLFCRLF: the edge answers with CRLF (RFC 5626 section 4.4.1)
    std::string message;
  };
  /// Appends what was read. Errors, after which the stream can never again be cut (answer broken(), then close it):
  /// InvalidInput; Exhausted for a message that is larger than kMaxMessageBytes.
  [[nodiscard]] Result<void> push(std::string_view bytes);
  /// The next whole frame, nullopt if more bytes are needed.
  [[nodiscard]] std::optional<Frame> next();
  /// What stood where the stream broke, so that a request can be answered: at most kMaxMessageBytes; "" while it is
  /// sound.
  [[nodiscard]] const std::string& broken() const { return broken_bytes_; }
  /// A message has begun and its end has not come yet. Line ends alone begin none.
  [[nodiscard]] bool begun() const { return buffer_.find_first_not_of("\r\n", start_) != std::string::npos; }

 private:
  [[nodiscard]] Result<bool> cut();
  [[nodiscard]] std::size_t rest() const { return buffer_.size() - start_; }
  std::string buffer_;
  std::size_t start_ = 0;    ///< of the message being collected, in buffer_
  std::size_t scanned_ = 0;  ///< no end of headers lies before this place: each byte is searched once
  std::size_t need_ = 0;     ///< size of that message once its headers are whole, else 0
  std::deque<Frame> ready_;  ///< at most what one push() brought and kMaxMessageBytes
  bool broken_ = false;
  std::string broken_bytes_;
};

}  // namespace segue::sip
