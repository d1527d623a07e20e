// Everything that lives on the signalling loop of one server, joined: the engine and the edges around it (SIP
// transports, media plane, store, REST). The engine decides; this carries out. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/server.h"
#include "api/service.h"
#include "app/config.h"
#include "app/media_plane.h"
#include "app/server.h"
#include "app/throttle.h"
#include "engine/engine.h"
#include "net/loop.h"
#include "net/sip_transports.h"
#include "store/store.h"

namespace segue::app {

class Node final : public api::Service {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Node>> open(const Config& config, net::Loop& loop);
  ~Node() override;

  /// Hangs up everything; idle once nothing is left to be sent or closed.
  void begin_stop();
  [[nodiscard]] bool idle() const;
  /// Waits until all records and registrations are on disk; says so in the log where that fails.
  void finish_writing();

  [[nodiscard]] std::vector<Endpoint> sip_udp() const { return sip_->udp(); }
  [[nodiscard]] std::vector<Endpoint> sip_tcp() const { return sip_->tcp(); }
  [[nodiscard]] Endpoint http() const { return http_->local(); }
  [[nodiscard]] const std::string& admin_token() const { return admin_token_; }
  [[nodiscard]] Server::Residue residue() const;

  // ---- api::Service (service.cpp)
  Result<api::Principal> authenticate(std::string_view token) override;
  Result<api::Token> create_token(const api::NewToken&) override;
  std::vector<api::Token> tokens() override;
  Result<void> delete_token(std::string_view id) override;
  std::vector<call::Account> accounts() override;
  Result<call::Account> account(AccountId) override;
  Result<call::Account> create_account(std::string name) override;
  Result<call::Account> rename_account(AccountId, std::string name) override;
  Result<void> delete_account(AccountId) override;
  Result<std::vector<api::DeviceStatus>> devices(AccountId) override;
  Result<api::DeviceStatus> device(DeviceId) override;
  Result<api::DeviceStatus> create_device(AccountId, const api::NewDevice&) override;
  Result<api::DeviceStatus> change_device(DeviceId, const api::DeviceChange&) override;
  Result<void> delete_device(DeviceId) override;
  std::vector<call::Number> numbers() override;
  Result<call::Number> number(NumberId) override;
  Result<call::Number> create_number(AccountId, std::string digits) override;
  Result<void> delete_number(NumberId) override;
  std::vector<call::CallRecord> calls() override;
  Result<call::CallRecord> call(CallId) override;
  Result<void> hang_up(CallId) override;
  Result<call::FlipRecord> flip(const api::Principal&, const api::FlipRequest&) override;
  Result<call::FlipRecord> flip_record(FlipId) override;
  Result<call::FlipRecord> cancel_flip(FlipId) override;
  Result<api::Records> records(const api::Page&, std::optional<AccountId>) override;
  Result<call::CallRecord> record(CallId) override;
  api::Health health() override;

 private:
  Node(const Config& config, net::Loop& loop);
  [[nodiscard]] Result<void> open_store();
  [[nodiscard]] Result<void> load();
  [[nodiscard]] Result<void> open_edges();
  [[nodiscard]] Result<void> make_admin_token();
  [[nodiscard]] Result<api::Token> new_token(const std::string& name, std::optional<AccountId> account);
  void drain();  ///< carries out what the engine has put out, and sets the timer anew
  void carry_out(engine::SendSip&& o);
  void carry_out(engine::ToMedia&& o);
  void carry_out(engine::StoreBindings&& o);
  void carry_out(engine::StoreRecord&& o);
  void carry_out(engine::Log&& o);
  /// A line that others can cause as often as they like.
  void complain(engine::Log::Topic topic, engine::Log::Level level, std::string text);
  [[nodiscard]] static engine::Binding restored(const store::Binding& stored, sip::Uri contact, const Endpoint& local,
                                                Now now);
  [[nodiscard]] api::DeviceStatus status_of(const call::Device& device) const;

  Config config_;
  net::Loop& loop_;
  Instant started_{};
  std::string admin_token_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<MediaPlane> media_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<net::SipTransports> sip_;
  std::unique_ptr<api::Server> http_;
  std::unique_ptr<net::Timer> timer_;
  std::map<engine::Log::Topic, Throttle> throttles_;
};

}  // namespace segue::app
