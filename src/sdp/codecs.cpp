#include "sdp/sdp.h"
#include "sdp/text.h"

namespace segue::sdp {

std::string_view codec_name(Codec c) {
  switch (c) {
    case Codec::Pcmu:
      return "PCMU";
    case Codec::Pcma:
      return "PCMA";
    case Codec::G722:
      return "G722";
    case Codec::Opus:
      return "opus";
  }
  return "";
}

std::optional<Codec> codec_by_name(std::string_view name) {
  if (is_word(name, "pcmu")) return Codec::Pcmu;
  if (is_word(name, "pcma")) return Codec::Pcma;
  if (is_word(name, "g722")) return Codec::G722;
  if (is_word(name, "opus")) return Codec::Opus;
  return std::nullopt;
}

}  // namespace segue::sdp
