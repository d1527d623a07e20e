#include "app/demo_stage.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "phone/sockets.h"
#include "phone/wire.h"
#include "record/json.h"

namespace segue::app {
namespace {

using nlohmann::json;
using phone::Pickup;
using Kind = phone::PhoneEvent::Kind;

constexpr Duration kSignalling = 10s;  // any step of signalling on a busy machine; a deadline, not a wait
constexpr Duration kPoll = 40ms;
constexpr Duration kLearn = 2s;  // the flip-free stretch

Instant now() { return phone::read_clock().mono; }

tl::unexpected<Error> did_not(std::string what) { return fail(ErrorKind::Unavailable, std::move(what)); }

}  // namespace

Random system_random() {
  Random::Seed seed{};
  // getentropy cannot fail for 32 bytes once the system has started.
  if (::getentropy(seed.data(), sizeof seed) != 0) std::abort();
  return Random(seed);
}

Stage::Stage() = default;
Stage::~Stage() {
  // Phones first: a server that stops sends them BYE, which nobody has to answer any more.
  rig_.reset();
  if (server_) server_->stop();
}

Result<std::unique_ptr<Stage>> Stage::set_up(StageOptions options) {
  std::unique_ptr<Stage> stage(new Stage());
  stage->ring_ = options.ring;
  if (auto r = stage->start_server(options); !r) return tl::unexpected(r.error());
  if (auto r = stage->make_accounts(); !r) return tl::unexpected(r.error());
  if (auto r = stage->make_phones(std::move(options)); !r) return tl::unexpected(r.error());
  if (auto r = stage->register_phones(); !r) return tl::unexpected(r.error());
  return stage;
}

Result<void> Stage::start_server(const StageOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.data_dir, error);
  if (error) return did_not(fmt::format("cannot make the folder {}: {}", options.data_dir, error.message()));
  const IpAddress loopback = IpAddress::v4(127, 0, 0, 1);
  Config config;
  config.sip_udp = {{loopback, 0}};
  config.sip_tcp = {{loopback, 0}};
  config.http = {loopback, 0};
  config.public_ips = {loopback};
  config.data_dir = options.data_dir;
  auto server = Server::start(config);
  if (!server) return tl::unexpected(server.error());
  server_ = std::move(*server);
  rest_ = std::make_unique<RestClient>(server_->http().to_string(), server_->admin_token());
  return {};
}

Result<void> Stage::make_accounts() {
  constexpr std::array<const char*, kDevices + 1> kUsers = {"ada-desk", "ada-mobile", "ada-laptop", "grace"};
  constexpr std::array<const char*, kDevices + 1> kKinds = {"desk", "mobile", "desktop", "desk"};
  Random random = system_random();
  const auto ada = rest_->post("/v1/accounts", {{"name", "Ada"}});
  const auto grace = rest_->post("/v1/accounts", {{"name", "Grace"}});
  for (const auto& made : {ada, grace}) {
    if (!made) return tl::unexpected(made.error());
  }
  ada_ = ada->at("id");
  for (std::size_t i = 0; i <= kDevices; ++i) {
    usernames_[i] = kUsers[i];
    passwords_[i] = random.token(20);
    const bool is_grace = i == kGrace;
    json device = {{"username", usernames_[i]}, {"password", passwords_[i]}, {"kind", kKinds[i]}};
    device["name"] = is_grace ? "Phone" : std::string(kDeviceNames.at(i));
    if (!is_grace) device["flip_digit"] = std::string(1, static_cast<char>('1' + i));
    device["auto_answer"] = !is_grace;
    const std::string account = (is_grace ? grace : ada)->at("id");
    const auto made = rest_->post("/v1/accounts/" + account + "/devices", device);
    if (!made) return tl::unexpected(made.error());
    device_ids_[i] = made->at("id");
  }
  for (const auto& [account, digits] : {std::pair(ada, "1001"), std::pair(grace, "2001")}) {
    const auto made = rest_->post("/v1/numbers", {{"account", account->at("id")}, {"digits", digits}});
    if (!made) return tl::unexpected(made.error());
  }
  return {};
}

Result<void> Stage::make_phones(StageOptions options) {
  rig_ = std::make_unique<phone::PhoneRig>(system_random());
  for (std::size_t i = 0; i <= kDevices; ++i) {
    phone::PhoneConfig config;
    config.name = i == kGrace ? "Grace" : std::string(kDeviceNames.at(i));
    config.user = usernames_[i];
    config.password = passwords_[i];
    config.domain = Config{}.domain;
    config.server = server_->sip_udp().front();
    config.sound = std::make_shared<phone::Sound>(phone::with_marker(std::move(options.voices[i]), i));
    config.limits.rtp = i == kGrace ? options.far_packets : 5'000;  // of the devices only the last flip matters
    auto added = rig_->add(std::move(config));
    if (!added) return tl::unexpected(added.error());
    phones_[i] = *added;
  }
  return {};
}

Result<void> Stage::register_phones() {
  for (phone::Phone* phone : phones_) phone->register_now();
  for (phone::Phone* phone : phones_) {
    const auto event = phone->wait({Kind::Registered, Kind::RegistrationFailed}, 0, kSignalling);
    if (!event || event->kind != Kind::Registered) {
      return did_not(fmt::format("{} could not register: {}", phone->name(),
                                 event ? fmt::format("{} {}", event->status, event->text) : "no answer"));
    }
  }
  return {};
}

Result<void> Stage::place_call() {
  for (std::size_t i = 0; i < kDevices; ++i) {
    device(i).set_answering(i == 0 ? phone::Answering{Pickup::Answer, ring_} : phone::Answering{});
  }
  std::array<phone::Mark, kDevices + 1> marks{};
  for (std::size_t i = 0; i <= kDevices; ++i) marks[i] = phones_[i]->mark();
  const Instant dialled = now();
  grace().call("1001");
  const auto talking = grace().wait({Kind::Talking, Kind::Ended}, marks[kGrace], kSignalling);
  if (!talking || talking->kind == Kind::Ended) {
    return did_not(fmt::format("Grace's call to 1001 was not answered ({} {})", talking ? talking->status : 0,
                               talking ? talking->text : "nothing came"));
  }
  for (std::size_t i = 1; i < kDevices; ++i) {
    if (!device(i).wait({Kind::Ringing}, marks[i], kSignalling)) return did_not(device(i).name() + " did not ring");
    if (!device(i).wait({Kind::Ended}, marks[i], kSignalling))
      return did_not(device(i).name() + " did not stop ringing");
  }
  if (!grace().wait({Kind::Heard}, marks[kGrace], kSignalling)) return did_not("Grace hears nothing");
  at_ = 0;
  const auto calls = rest_->get("/v1/calls");
  if (!calls) return tl::unexpected(calls.error());
  if (calls->at("items").empty()) return did_not("the server knows of no live call");
  call_id_ = calls->at("items").at(0).at("id");
  return learn_stream(dialled);
}

Result<void> Stage::learn_stream(Instant from) {
  if (!talk(kLearn)) return did_not("the call ended by itself");
  const auto capture = grace().journal().copy(from);
  far_setup_.markers = {0, 1, 2, 3};
  const auto packet = capture.rtp.empty() ? std::nullopt : phone::read_rtp(capture.rtp.back().bytes);
  if (!packet) return did_not("Grace gets no stream");
  far_setup_.payload_type = packet->payload_type;
  far_setup_.law = packet->payload_type == 8 ? phone::Law::A : phone::Law::Mu;
  const auto heard = phone::first_heard(capture, far_setup_, at_, from);
  if (!heard) return did_not("Grace does not hear the desk phone");
  const auto baseline = phone::learn(capture, far_setup_, *heard, now());
  if (!baseline) return did_not("Grace's stream is too short to learn from");
  baseline_ = *baseline;
  return {};
}

Result<void> Stage::end_call() {
  const phone::Mark mark = device(at_).mark();
  grace().hang_up();
  if (!device(at_).wait({Kind::Ended}, mark, kSignalling))
    return did_not("the call did not end at " + device(at_).name());
  return {};
}

bool Stage::talk(Duration time) { return !grace().wait({Kind::Ended}, grace().mark(), time).has_value(); }

Result<json> Stage::wait_for_flip(const std::string& id, std::string_view key, Duration limit) const {
  const Instant deadline = now() + limit;
  for (;;) {
    auto flip = rest_->get("/v1/flips/" + id);
    if (!flip) return flip;
    if (!flip->at(std::string(key)).is_null()) return flip;
    if (now() > deadline) return did_not(fmt::format("{} has no {} after {:.0f} s", id, key, to_s(limit)));
    std::this_thread::sleep_for(kPoll);
  }
}

Result<json> Stage::server_record(const std::string& flip_id) const { return wait_for_flip(flip_id, "report", 5s); }

call::FlipReport Stage::far_report(const FlipTaken& flip) const {
  return phone::check_flip(phones_[kGrace]->journal().copy(flip.far.asked - 3s), far_setup_, baseline_, flip.far);
}

void Stage::forget_before(Instant t) {
  for (phone::Phone* phone : phones_) phone->forget_before(t);
}

}  // namespace segue::app
