#include "store/codec_list.h"

#include <array>
#include <utility>

namespace segue::store {
namespace {
constexpr std::array<std::pair<Codec, std::string_view>, 4> kWords = {
    {{Codec::Pcmu, "pcmu"}, {Codec::Pcma, "pcma"}, {Codec::G722, "g722"}, {Codec::Opus, "opus"}}};
}

std::string codec_list(const std::vector<Codec>& codecs) {
  std::string text;
  for (const Codec codec : codecs) {
    for (const auto& [value, word] : kWords) {
      if (value != codec) continue;
      if (!text.empty()) text += ' ';
      text += word;
    }
  }
  return text;
}

std::vector<Codec> parse_codec_list(std::string_view text) {
  std::vector<Codec> codecs;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    for (const auto& [value, name] : kWords) {
      if (name == word) codecs.push_back(value);
    }
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return codecs;
}

}  // namespace segue::store
