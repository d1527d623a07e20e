#include "app/demo_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace segue::app {

Progress::Progress()
    : terminal_(::isatty(STDOUT_FILENO) == 1), colours_(terminal_ && std::getenv("NO_COLOR") == nullptr) {
  if (terminal_) ticker_ = std::thread([this] { animate(); });
}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  if (ticker_.joinable()) ticker_.join();
}

void Progress::begin(std::string step) {
  const std::lock_guard lock(mutex_);
  step_ = std::move(step);
  step_started_ = Clock::now();
  if (terminal_) draw(0);
}

void Progress::done(const std::string& result, bool good) {
  const std::lock_guard lock(mutex_);
  const char* colour = good ? "\033[32m" : "\033[31m";
  const std::string mark = good ? "ok " : "RED";
  const std::string shown = colours_ ? colour + mark + "\033[0m" : mark;
  fmt::print("{}{:5.1f} s  {} {}{}\n", terminal_ ? "\r\033[K" : "", seconds(), shown, step_,
             result.empty() ? "" : ": " + result);
  std::fflush(stdout);
  step_.clear();
}

void Progress::note(const std::string& text) {
  const std::lock_guard lock(mutex_);
  fmt::print("{}{:5.1f} s      {}\n", terminal_ ? "\r\033[K" : "", seconds(), text);
  std::fflush(stdout);
}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

void Progress::draw(double step_seconds) {
  constexpr const char* kWheel[] = {"|", "/", "-", "\\"};
  const auto turn = static_cast<std::size_t>(step_seconds * 8) % 4;
  fmt::print("\r\033[K{:5.1f} s   {} {}", seconds(), kWheel[turn], step_);
  std::fflush(stdout);
}

void Progress::animate() {
  constexpr auto kTick = std::chrono::milliseconds(125);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!step_.empty()) draw(std::chrono::duration<double>(Clock::now() - step_started_).count());
    stop_changed_.wait_for(lock, kTick);
  }
}

}  // namespace segue::app
