#include "app/demo.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "app/demo_page.h"
#include "app/demo_progress.h"
#include "app/demo_stage.h"
#include "app/demo_stay.h"
#include "app/demo_voice.h"
#include "record/json.h"

namespace segue::app {
namespace {

struct Scene {
  Act act;
  std::size_t to;
};
// The call begins on the desk phone (0) and visits mobile (1) and laptop (2).
constexpr std::array kScript = {
    Scene{Act::RestRing, 1}, Scene{Act::Code, 2},     Scene{Act::RingAll, 1},  Scene{Act::RestAuto, 2},
    Scene{Act::Pull, 0},     Scene{Act::Declined, 1}, Scene{Act::WalkAway, 1},
};
constexpr Duration kBetween = 1200ms;  // somebody listening to farend.wav should hear who speaks before the next flip

/// A fresh folder: what an earlier demo left there goes, nothing else.
Result<void> make_folder(const std::string& out) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(out, error);
  if (error) return fail(ErrorKind::Unavailable, fmt::format("cannot make the folder {}: {}", out, error.message()));
  fs::remove_all(fs::path(out) / "server-data", error);
  for (const auto& entry : fs::directory_iterator(out, error)) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;
    if (name.starts_with("flip-") || name == "index.html" || name == "farend.wav" || name == "server.log") {
      fs::remove(entry.path(), ignored);
    }
  }
  return {};
}

Result<void> write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) return fail(ErrorKind::Unavailable, "cannot write " + path);
  return {};
}

/// The server's log goes into the folder: the terminal is the demo's.
void log_to(const std::string& path) {
  try {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("segue", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path, true)));
  } catch (const spdlog::spdlog_ex&) {
    spdlog::set_level(spdlog::level::off);  // the folder is not writable; make_folder or the first report says so
  }
}

Result<std::vector<JudgedFlip>> play(Stage& stage, Progress& progress) {
  std::vector<JudgedFlip> flips;
  for (const Scene& scene : kScript) {
    const std::string name =
        fmt::format("flip {}: {} -> {}", flips.size() + 1, kDeviceNames.at(stage.at()), kDeviceNames.at(scene.to));
    progress.begin(fmt::format("{} ({})", name, act_title(scene.act)));
    JudgedFlip flip;
    auto taken = stage.flip(scene.act, scene.to);
    if (!taken) return tl::unexpected(taken.error());
    flip.taken = std::move(*taken);
    auto record = stage.server_record(flip.taken.id);
    if (!record) return tl::unexpected(record.error());
    flip.server = std::move(*record);
    // A first look; the far party judges again when the call is over and all of its RTCP has come.
    flip.far = stage.far_report(flip.taken);
    progress.done(fmt::format("{}{}", flip.taken.outcome, flip.kept() ? "" : ", not every line kept"), flip.kept());
    flips.push_back(std::move(flip));
    if (!stage.talk(kBetween)) return fail(ErrorKind::Unavailable, "the call ended by itself");
  }
  return flips;
}

/// What the far party heard, and where in it each flip lies.
void listen(Stage& stage, DemoResult& result) {
  const auto capture = stage.grace().journal().copy();
  const auto heard = phone::reconstruct(capture, stage.far_setup());
  result.heard = heard.samples;
  const auto second = [&](Instant t) { return std::max(0.0, to_s(t - heard.began)); };
  WaveStretch stretch{0, 0, 0};
  for (JudgedFlip& flip : result.flips) {
    flip.far = stage.far_report(flip.taken);
    const phone::FarFlip& far = flip.taken.far;
    const auto b = far.moved ? phone::first_heard(capture, stage.far_setup(), far.speaker_b, far.asked) : std::nullopt;
    flip.heard_at_s = second(b.value_or(far.ended));
    if (!far.moved) continue;
    stretch.to_s = flip.heard_at_s;
    result.stretches.push_back(stretch);
    stretch = {flip.heard_at_s, 0, flip.taken.to};
  }
  stretch.to_s = static_cast<double>(result.heard.size()) / phone::kSampleRate;
  result.stretches.push_back(stretch);
}

Result<void> write_results(const Stage& stage, const DemoResult& result, const std::string& out) {
  for (std::size_t i = 0; i < result.flips.size(); ++i) {
    const JudgedFlip& flip = result.flips[i];
    const nlohmann::json both = {{"server", flip.server}, {"far_party", record::to_json(flip.far)}};
    const std::string base = fmt::format("{}/flip-{}", out, i + 1);
    if (auto r = write_file(base + ".json", both.dump(2) + "\n"); !r) return r;
    const auto picture = stage.rest().get_text("/v1/flips/" + flip.taken.id + "/timeline.svg");
    if (!picture) return tl::unexpected(picture.error());
    if (auto r = write_file(base + ".svg", *picture); !r) return r;
  }
  if (auto r = phone::save_wav(out + "/farend.wav", result.heard); !r) return r;
  return write_file(out + "/index.html", demo_page(result));
}

Result<DemoResult> perform(const std::string& out, Progress& progress) {
  if (auto made = make_folder(out); !made) return tl::unexpected(made.error());
  log_to(out + "/server.log");
  DemoResult result;
  progress.begin("voices");
  MadeVoices voices = make_voices(out);
  result.voices =
      voices.speech
          ? "Speech made by espeak-ng at set-up; each phone's audio carries a faint marker tone above 3.2 kHz by "
            "which the far party's check tells who is heard."
          : "A synthesised signal instead of speech: " + voices.why;
  progress.done(voices.speech ? "speech by espeak-ng" : result.voices);
  progress.begin("server, two accounts, four SIP phones");
  auto stage = Stage::set_up({.data_dir = out + "/server-data", .voices = std::move(voices.voices)});
  if (!stage) return tl::unexpected(stage.error());
  progress.done(fmt::format("SIP on {}, REST on {}", (*stage)->server().sip_udp().front().to_string(),
                            (*stage)->server().http().to_string()));
  progress.begin("Grace calls 1001; all of Ada's devices ring");
  if (auto called = (*stage)->place_call(); !called) return tl::unexpected(called.error());
  result.noise_ms = (*stage)->baseline().noise_ms;
  progress.done(fmt::format("the desk phone answers; this machine's noise is {:.1f} ms", result.noise_ms));
  auto flips = play(**stage, progress);
  if (!flips) return tl::unexpected(flips.error());
  result.flips = std::move(*flips);
  progress.begin("hanging up, writing " + out);
  if (auto ended = (*stage)->end_call(); !ended) return tl::unexpected(ended.error());
  listen(**stage, result);
  if (auto written = write_results(**stage, result, out); !written) return tl::unexpected(written.error());
  progress.done("index.html, farend.wav, flip-*.json, flip-*.svg");
  return result;
}

void print_verdict(const DemoResult& result, const std::string& out) {
  fmt::print("\n");
  for (std::size_t i = 0; i < result.flips.size(); ++i) {
    for (const std::string& line : red_lines(result.flips[i])) fmt::print("  RED  flip {}: {}\n", i + 1, line);
  }
  const auto kept =
      std::count_if(result.flips.begin(), result.flips.end(), [](const JudgedFlip& f) { return f.kept(); });
  fmt::print("{}: {} of {} flips kept every line, by the server's report and by the far party's own check.\n",
             result.kept() ? "KEPT" : "RED", kept, result.flips.size());
  fmt::print("Look at {0}/index.html, listen to {0}/farend.wav\n", out);
  std::fflush(stdout);
}

}  // namespace

void add_demo_options(CLI::App& command, DemoOptions& options) {
  command.add_option("-o,--out", options.out, "folder for the page, the sound, the reports and the pictures")
      ->capture_default_str()
      ->type_name("DIR");
  auto* stay =
      command.add_flag("--stay", options.stay, "afterwards keep a server up for your own phones, until Ctrl-C");
  command.add_option("--listen", options.listen, "with --stay: the address of this machine that your phones reach")
      ->capture_default_str()
      ->type_name("IP")
      ->needs(stay);
}

int run_demo(const DemoOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  if (options.stay && !IpAddress::parse(options.listen)) {  // said now, not after the demo
    return fmt::print(stderr, "segue: --listen {}: must be an IP address of this machine\n", options.listen), 2;
  }
  Result<DemoResult> result = fail(ErrorKind::Internal, "");
  {
    Progress progress;
    result = perform(options.out, progress);
  }
  if (!result) return fmt::print(stderr, "\nsegue: the demo could not run: {}\n", result.error().text), 2;
  print_verdict(*result, options.out);
  const int code = result->kept() ? 0 : 1;
  if (!options.stay) return code;
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGINT);
  ::sigaddset(&stop, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // all of the demo's threads are gone; those of stay_up() inherit it
  const int stayed = stay_up({options.listen, options.out + "/stay-data"});
  return stayed != 0 ? stayed : code;
}

}  // namespace segue::app
