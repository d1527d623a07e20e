// Codecs as one text column: "opus g722 pcmu".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"

namespace segue::store {

[[nodiscard]] std::string codec_list(const std::vector<Codec>& codecs);
/// Words that it does not know (of a newer server) are left out.
[[nodiscard]] std::vector<Codec> parse_codec_list(std::string_view text);

}  // namespace segue::store
