#include "app/demo_stay.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <filesystem>

#include "app/demo_stage.h"
#include "app/demo_voice.h"
#include "net/fd.h"

namespace segue::app {
namespace {

using nlohmann::json;

struct Person {
  std::string username, password, name, kind;
  char digit = 0;
};

/// Starts on port 5060, or on any free one if that is taken.
Result<std::unique_ptr<Server>> start_server(Config config) {
  auto server = Server::start(config);
  if (server) return server;
  fmt::print("Port 5060 or 8080 is taken ({}); taking free ones instead.\n", server.error().text);
  config.sip_udp.front().port = 0;
  config.sip_tcp.front().port = 0;
  config.http.port = 0;
  return Server::start(config);
}

Result<void> make_account(const RestClient& rest, const std::string& name, const std::string& number,
                          std::vector<Person>& devices, Random& random) {
  const auto account = rest.post("/v1/accounts", {{"name", name}});
  if (!account) return tl::unexpected(account.error());
  const std::string id = account->at("id");
  for (Person& device : devices) {
    device.password = random.token(16);
    json body = {
        {"username", device.username}, {"password", device.password}, {"name", device.name}, {"kind", device.kind}};
    if (device.digit != 0) body["flip_digit"] = std::string(1, device.digit);
    body["auto_answer"] = device.digit != 0;
    if (const auto made = rest.post("/v1/accounts/" + id + "/devices", body); !made)
      return tl::unexpected(made.error());
  }
  const auto numbered = rest.post("/v1/numbers", {{"account", id}, {"digits", number}});
  if (!numbered) return tl::unexpected(numbered.error());
  return {};
}

/// Grace answers by herself and talks, so that one person with two phones can try everything.
Result<phone::Phone*> add_grace(phone::PhoneRig& rig, const Person& grace, const Server& server, const Config& config,
                                const std::string& folder) {
  phone::PhoneConfig phone;
  phone.name = "Grace";
  phone.user = grace.username;
  phone.password = grace.password;
  phone.domain = config.domain;
  phone.server = server.sip_udp().front();
  if (phone.server.ip.unspecified()) phone.server.ip = IpAddress::v4(127, 0, 0, 1);
  phone.local_ip = phone.server.ip;
  auto voices = make_voices(folder);
  phone.sound = std::make_shared<phone::Sound>(std::move(voices.voices[kGrace]));
  phone.answering = {phone::Pickup::Answer, 1500ms};
  phone.limits = {.rtp = 1'000, .rtcp = 100, .sip = 1'000, .events = 1'000, .pauses = 100};
  auto added = rig.add(std::move(phone));
  if (added) (*added)->register_now();
  return added;
}

/// As it can be typed here.
std::string this_program() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "segue";
  const auto shorter = std::filesystem::proximate(path, error).string();
  return error || shorter.starts_with("..") ? path.string() : shorter;
}

void print_guide(const Server& server, const Config& config, const std::vector<Person>& ada) {
  const auto sip = server.sip_udp().front();
  Endpoint reached = sip;
  if (sip.ip.unspecified()) reached.ip = net::first_address(sip.ip.v6).value_or(sip.ip);
  fmt::print("\nThe server is up. Type this into your own phones:\n\n");
  fmt::print("  SIP server (registrar, proxy)  {}   UDP or TCP, no STUN, no encryption\n", reached.to_string());
  fmt::print("  domain, if it is asked for     {} (or the server's address)\n\n", config.domain);
  fmt::print("  {:<14}{:<14}{:<20}{}\n", "device", "user name", "password", "flip code");
  for (const Person& p : ada) fmt::print("  {:<14}{:<14}{:<20}*{}\n", p.name, p.username, p.password, p.digit);
  fmt::print("\n  All three belong to Ada: number 1001. Grace has number 2001: she answers by herself and talks.\n");
  fmt::print("  1. Register two phones as Ada's, and call 2001 from one of them.\n");
  fmt::print(
      "  2. In the call press the other one's flip code; it rings, you answer there, the first one drops off.\n");
  fmt::print("  3. *0 rings all others; {} dialled on an idle device takes the call over.\n\n", config.pull_code);
  const std::string program = this_program(), token = config.data_dir + "/admin.token";
  fmt::print("  How the first flip was, line by line, from another terminal:\n");
  fmt::print("    {} report flip_1 --server {} --token \"$(cat {})\"\n", program, server.http().to_string(), token);
  fmt::print("  REST: http://{}/v1, the token is in {}\n\n", server.http().to_string(), token);
  fmt::print("Ctrl-C ends it. Until then, what happens:\n\n");
  std::fflush(stdout);
}

/// The terminal is the server's from here on.
void log_to_terminal() {
  auto logger = std::make_shared<spdlog::logger>("segue", std::make_shared<spdlog::sinks::stdout_color_sink_mt>());
  logger->set_pattern("  %H:%M:%S  %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void wait_for_signal() {
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGINT);
  ::sigaddset(&stop, SIGTERM);
  int signal = 0;
  ::sigwait(&stop, &signal);
}

}  // namespace

int stay_up(const StayOptions& options) {
  const auto listen = IpAddress::parse(options.listen);
  if (!listen)
    return fmt::print(stderr, "segue: --listen {}: must be an IP address of this machine\n", options.listen), 2;
  std::error_code error;
  std::filesystem::remove_all(options.data_dir, error);
  std::filesystem::create_directories(options.data_dir, error);
  if (error) return fmt::print(stderr, "segue: cannot make the folder {}: {}\n", options.data_dir, error.message()), 2;
  Config config;
  config.sip_udp.front().ip = config.sip_tcp.front().ip = *listen;
  config.data_dir = options.data_dir;
  const auto server = start_server(config);
  if (!server) return fmt::print(stderr, "segue: {}\n", server.error().text), 2;

  Random random = system_random();
  const RestClient rest((*server)->http().to_string(), (*server)->admin_token());
  std::vector<Person> ada = {{"ada-desk", "", "Desk phone", "desk", '1'},
                             {"ada-mobile", "", "Mobile", "mobile", '2'},
                             {"ada-laptop", "", "Laptop", "desktop", '3'}};
  std::vector<Person> grace = {{"grace", "", "Phone", "desk", 0}};
  for (const auto& made :
       {make_account(rest, "Ada", "1001", ada, random), make_account(rest, "Grace", "2001", grace, random)}) {
    if (!made) return fmt::print(stderr, "segue: {}\n", made.error().text), 2;
  }
  phone::PhoneRig rig(system_random());
  const auto added = add_grace(rig, grace.front(), **server, config, options.data_dir);
  if (!added) return fmt::print(stderr, "segue: {}\n", added.error().text), 2;
  print_guide(**server, config, ada);
  log_to_terminal();
  wait_for_signal();
  fmt::print("\nStopping.\n");
  (*server)->stop();
  return 0;
}

}  // namespace segue::app
