// Any bytes as each of the typed values. What is accepted is printed as the same value.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "sip/message.h"

namespace {

using namespace segue::sip;

void check_uri(const Uri& uri) {
  const auto again = Uri::parse(uri.to_string());
  SEGUE_ASSERT(again && *again == uri);
  SEGUE_ASSERT(again->equivalent(uri) == uri.equivalent(*again));
}

void check_address(const NameAddr& address) {
  const auto again = NameAddr::parse(address.to_string());
  SEGUE_ASSERT(again && again->display == address.display && again->wildcard == address.wildcard);
  SEGUE_ASSERT(again->uri == address.uri && again->params == address.params);
}

template <typename T>
void check_text(std::string_view text) {
  const auto value = T::parse(text);
  if (!value) return;
  const auto printed = value->to_string();
  const auto again = T::parse(printed);
  SEGUE_ASSERT(again && again->to_string() == printed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto uri = Uri::parse(text)) check_uri(*uri);
  // A header value never has CR or LF: the message's parser takes folds away and refuses the rest.
  if (text.find_first_of("\r\n") != std::string_view::npos) return 0;
  if (const auto list = NameAddr::parse_list(text)) {
    for (const auto& address : *list) check_address(address);
  }
  check_text<Via>(text);
  check_text<CSeq>(text);
  check_text<ValueParams>(text);
  std::size_t bytes = 0;
  for (const auto piece : split_list(text)) bytes += piece.size();
  SEGUE_ASSERT(bytes <= text.size());
  return 0;
}
