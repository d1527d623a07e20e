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

/// How a clip is encoded. A loop runs twice and the second round is kept, so that the coder's state at its end is the
/// one its beginning was made with.
enum class Run { Once, Loop };

Frames encode_g722(const Pcm& pcm, Run run) {
  constexpr std::size_t kSamples = 16000 / kFramesASecond;
  const std::unique_ptr<g722_encode_state_t, int (*)(g722_encode_state_t*)> coder(g722_encode_init(nullptr, 64000, 0),
                                                                                  &g722_encode_free);
  if (!coder) throw std::runtime_error("the G.722 encoder cannot be made");
  Frames frames(pcm.size() / kSamples);
  for (int round = run == Run::Loop ? 0 : 1; round < 2; ++round) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      frames[i].resize(kSamples / 2);
      g722_encode(coder.get(), frames[i].data(), &pcm[i * kSamples], static_cast<int>(kSamples));
    }
  }
  return frames;
}

/// What runs once is begun in the middle of any other sound, so it is made with the coder that remembers least.
Frames encode_opus(const Pcm& pcm, Run run) {
  constexpr std::size_t kSamples = 48000 / kFramesASecond;
  int error = 0;
  const int application = run == Run::Loop ? OPUS_APPLICATION_AUDIO : OPUS_APPLICATION_RESTRICTED_LOWDELAY;
  const std::unique_ptr<OpusEncoder, void (*)(OpusEncoder*)> coder(opus_encoder_create(48000, 1, application, &error),
                                                                   &opus_encoder_destroy);
  if (!coder) throw std::runtime_error("the Opus encoder cannot be made");
  opus_encoder_ctl(coder.get(), OPUS_SET_BITRATE(32000));
  opus_encoder_ctl(coder.get(), OPUS_SET_COMPLEXITY(run == Run::Loop ? 3 : 0));
  opus_encoder_ctl(coder.get(), OPUS_SET_PREDICTION_DISABLED(run == Run::Once ? 1 : 0));
  Frames frames(pcm.size() / kSamples);
  for (int round = run == Run::Loop ? 0 : 1; round < 2; ++round) {
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

Frames encode(Codec codec, const Pcm& pcm, Run run) {
  switch (codec) {
    case Codec::Pcmu:
      return encode_g711(pcm, g711::Law::Mu);
    case Codec::Pcma:
      return encode_g711(pcm, g711::Law::A);
    case Codec::G722:
      return encode_g722(pcm, run);
    case Codec::Opus:
      return encode_opus(pcm, run);
  }
  return {};
}

/// Samples a second that the encoder takes.
unsigned sample_rate(Codec codec) { return codec == Codec::Opus ? 48000 : codec == Codec::G722 ? 16000 : 8000; }

}  // namespace

ClipLibrary::ClipLibrary() {
  for (const auto codec : {Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus}) {
    const auto c = static_cast<std::size_t>(codec);
    const unsigned rate = sample_rate(codec);
    for (std::size_t i = 0; i < clips_.size(); ++i)
      clips_[i][c].frames = encode(codec, synthesise(static_cast<Clip>(i), rate), Run::Loop);
    const auto once = [&](const Pcm& pcm) { return encode(codec, pcm, Run::Once); };
    const auto quiet = synthesise(Clip::ComfortNoise, rate);
    for (std::size_t k = 0; k < tones_.size(); ++k) tones_[k][c] = make_dtmf_tone(kDtmfKeys[k], rate, quiet, once);
  }
}

const ClipLibrary::Frames& ClipLibrary::get(Clip clip, Codec codec) const {
  return clips_[static_cast<std::size_t>(clip)][static_cast<std::size_t>(codec)];
}

const DtmfTone* ClipLibrary::tone(char key, Codec codec) const {
  const auto at = kDtmfKeys.find(key);
  return at == std::string_view::npos ? nullptr : &tones_[at][static_cast<std::size_t>(codec)];
}

}  // namespace segue::media
