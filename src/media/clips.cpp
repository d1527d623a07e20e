#include "media/clips.h"

#include <opus/opus.h>
#include <spandsp.h>

#include <stdexcept>

#include "media/clip_synth.h"
#include "media/g711.h"

namespace segue::media {

namespace {

constexpr std::size_t kFramesASecond = 50;
using Pcm = std::vector<std::int16_t>;
using Frames = std::vector<Bytes>;

Frames encode_g711(const Pcm& pcm, g711::Law law) {
  Frames frames(pcm.size() / 160);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].resize(160);
    for (std::size_t k = 0; k < 160; ++k) frames[i][k] = g711::encode(law, pcm[i * 160 + k]);
  }
  return frames;
}

/// The second of two rounds is kept, so that the coder's state at the end of the loop is the one its beginning was made
/// with.
Frames encode_g722(const Pcm& pcm) {
  constexpr std::size_t kSamples = 16000 / kFramesASecond;
  const std::unique_ptr<g722_encode_state_t, int (*)(g722_encode_state_t*)> coder(g722_encode_init(nullptr, 64000, 0),
                                                                                  &g722_encode_free);
  if (!coder) throw std::runtime_error("the G.722 encoder cannot be made");
  Frames frames(pcm.size() / kSamples);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      frames[i].resize(kSamples / 2);
      g722_encode(coder.get(), frames[i].data(), &pcm[i * kSamples], static_cast<int>(kSamples));
    }
  }
  return frames;
}

Frames encode_opus(const Pcm& pcm) {
  constexpr std::size_t kSamples = 48000 / kFramesASecond;
  int error = 0;
  const std::unique_ptr<OpusEncoder, void (*)(OpusEncoder*)> coder(
      opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &error), &opus_encoder_destroy);
  if (!coder) throw std::runtime_error("the Opus encoder cannot be made");
  opus_encoder_ctl(coder.get(), OPUS_SET_BITRATE(32000));
  opus_encoder_ctl(coder.get(), OPUS_SET_COMPLEXITY(3));
  Frames frames(pcm.size() / kSamples);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      Bytes packet(400);
      const auto n = opus_encode(coder.get(), &pcm[i * kSamples], static_cast<int>(kSamples), packet.data(),
                                 static_cast<opus_int32>(packet.size()));
      if (n <= 0) throw std::runtime_error("the Opus encoder refused a frame");
      packet.resize(static_cast<std::size_t>(n));
      frames[i] = std::move(packet);
    }
  }
  return frames;
}

}  // namespace

ClipLibrary::ClipLibrary() {
  for (std::size_t i = 0; i < clips_.size(); ++i) {
    const auto clip = static_cast<Clip>(i);
    const auto narrow = synthesise(clip, 8000);
    clips_[i][static_cast<std::size_t>(Codec::Pcmu)].frames = encode_g711(narrow, g711::Law::Mu);
    clips_[i][static_cast<std::size_t>(Codec::Pcma)].frames = encode_g711(narrow, g711::Law::A);
    clips_[i][static_cast<std::size_t>(Codec::G722)].frames = encode_g722(synthesise(clip, 16000));
    clips_[i][static_cast<std::size_t>(Codec::Opus)].frames = encode_opus(synthesise(clip, 48000));
  }
}

const ClipLibrary::Frames& ClipLibrary::get(Clip clip, Codec codec) const {
  return clips_[static_cast<std::size_t>(clip)][static_cast<std::size_t>(codec)];
}

}  // namespace segue::media
