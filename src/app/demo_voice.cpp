#include "app/demo_voice.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

namespace segue::app {
namespace {

struct Speaker {
  const char* voice;
  const char* pitch;
  const char* text;
};
// Ada speaks from three devices with one voice: what changes at a flip is what she says, as it would be. Grace has
// another.
constexpr std::array<Speaker, kDevices + 1> kSpeakers = {{
    {"en-gb+f3", "60",
     "This is Ada on the desk phone. I am just about to leave the office, but please go on, I can hear you well."},
    {"en-gb+f3", "60",
     "Now I am on my mobile, walking down the stairs and out into the street. You should not have noticed a thing."},
    {"en-gb+f3", "60",
     "And now I am speaking on the laptop at home. It is the same call, the same number, and nobody was put on hold."},
    {"en-us+m3", "40",
     "Grace here. I hear you all the time. Whatever you are doing over there, there is no click and no gap at my end."},
}};

/// Runs a program with its output thrown away. False if it is not there or fails.
bool run(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return false;
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<phone::Sound> speak(const Speaker& speaker, const std::string& path) {
  if (!run({"espeak-ng", "-v", speaker.voice, "-p", speaker.pitch, "-s", "165", "-w", path, speaker.text})) {
    return fail(ErrorKind::Unavailable, "espeak-ng is not installed or failed (apt-get install espeak-ng)");
  }
  return phone::load_wav(path);
}

}  // namespace

MadeVoices make_voices(const std::string& folder) {
  MadeVoices out;
  out.speech = true;
  for (std::size_t i = 0; i < kSpeakers.size() && out.speech; ++i) {
    const std::string path = fmt::format("{}/voice-{}.wav", folder, i + 1);
    auto sound = speak(kSpeakers.at(i), path);
    out.speech = sound.has_value();
    if (sound)
      out.voices.at(i) = std::move(*sound);
    else
      out.why = sound.error().text;
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  if (out.speech) return out;
  constexpr std::array<double, kDevices + 1> kPitches = {180, 195, 210, 110};
  for (std::size_t i = 0; i < kPitches.size(); ++i) out.voices.at(i) = phone::voice_like(kPitches.at(i), 5);
  return out;
}

}  // namespace segue::app
