// What `segue demo` shows while it runs: one line a step, on a terminal with the time running in it, elsewhere plain.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace segue::app {

class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin(std::string step);  ///< shown until done()
  void done(const std::string& result, bool good = true);
  void note(const std::string& text);    ///< a line of its own
  [[nodiscard]] double seconds() const;  ///< since the start

 private:
  void animate();
  void draw(double step_seconds);
  using Clock = std::chrono::steady_clock;
  const bool terminal_, colours_;
  const Clock::time_point started_ = Clock::now();
  std::mutex mutex_;  // of what follows: the ticking thread draws too
  std::condition_variable stop_changed_;
  std::string step_;
  Clock::time_point step_started_{};
  bool stopping_ = false;
  std::thread ticker_;  // terminals only
};

}  // namespace segue::app
