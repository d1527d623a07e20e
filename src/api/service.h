// The port through which the REST layer reaches the system; implemented by the application (src/app). Everything runs
// on the signalling loop, so calls return at once and need no locks. Errors are values: the API maps ErrorKind to a
// status and RFC 9457 problem details.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "call/directory.h"
#include "call/record.h"

namespace segue::api {

/// Who asks: a token's owner. An administrator may do everything; an account only what concerns itself.
struct Principal {
  bool admin = false;
  AccountId account;
  std::string token_name;
};

struct NewDevice {
  std::string username, password, name;
  call::DeviceKind kind = call::DeviceKind::Desk;
  char flip_digit = 0;
  bool auto_answer = false, proof_by_answer = false, sha256 = false;
  std::vector<Codec> codecs;
};
struct DeviceChange {
  std::optional<std::string> name, password;
  std::optional<call::DeviceKind> kind;
  std::optional<char> flip_digit;  ///< 0 clears it
  std::optional<bool> auto_answer, proof_by_answer, sha256;
  std::optional<std::vector<Codec>> codecs;
};
struct DeviceStatus {
  call::Device device;
  struct Binding {
    std::string contact, received_from, transport, user_agent;
    WallTime expires_at{};
  };
  std::vector<Binding> bindings;
};
struct FlipRequest {
  CallId call;
  std::optional<DeviceId> device;  ///< nullopt: all other devices of the account
  std::optional<AccountId>
      account;  ///< which party flips; needed if both are accounts and the principal is an administrator
  call::FlipMode mode = call::FlipMode::Ring;
};
struct Page {
  std::string cursor;  ///< opaque; "" from the start
  std::size_t limit = 50;
};
struct Records {
  std::vector<call::CallRecord> items;
  std::string next_cursor;  ///< "" at the end
};
struct Health {
  std::string version;
  double uptime_s = 0;
  std::size_t calls = 0, registered_devices = 0, rtp_ports_used = 0, rtp_ports_total = 0;
  bool store_ok = true;
  std::string store_error;
};
struct NewToken {
  std::string name;
  std::optional<AccountId> account;  ///< nullopt: administrator
};
struct Token {
  std::string id, name;
  std::optional<AccountId> account;
  std::string secret;  ///< only when just made
};

class Service {
 public:
  virtual ~Service() = default;
  /// Unauthorized for an unknown token. Tokens are kept as SHA-256.
  virtual Result<Principal> authenticate(std::string_view token) = 0;
  virtual Result<Token> create_token(const NewToken&) = 0;
  virtual std::vector<Token> tokens() = 0;
  virtual Result<void> delete_token(std::string_view id) = 0;

  virtual std::vector<call::Account> accounts() = 0;
  virtual Result<call::Account> account(AccountId) = 0;
  virtual Result<call::Account> create_account(std::string name) = 0;
  virtual Result<call::Account> rename_account(AccountId, std::string name) = 0;
  virtual Result<void> delete_account(AccountId) = 0;  ///< Conflict while it has a live call

  virtual Result<std::vector<DeviceStatus>> devices(AccountId) = 0;
  virtual Result<DeviceStatus> device(DeviceId) = 0;
  virtual Result<DeviceStatus> create_device(AccountId,
                                             const NewDevice&) = 0;  ///< Conflict: username or flip digit taken
  virtual Result<DeviceStatus> change_device(DeviceId, const DeviceChange&) = 0;
  virtual Result<void> delete_device(DeviceId) = 0;

  virtual std::vector<call::Number> numbers() = 0;
  virtual Result<call::Number> number(NumberId) = 0;
  virtual Result<call::Number> create_number(AccountId, std::string digits) = 0;  ///< Conflict: taken
  virtual Result<void> delete_number(NumberId) = 0;

  virtual std::vector<call::CallRecord> calls() = 0;  ///< live ones
  virtual Result<call::CallRecord> call(CallId) = 0;
  virtual Result<void> hang_up(CallId) = 0;

  /// Errors: NotFound (call or device), Forbidden (not the seat's owner), Conflict (target is where the call is;
  /// another flip with another target runs; not talking yet). The same target again gives the same flip.
  virtual Result<call::FlipRecord> flip(const Principal&, const FlipRequest&) = 0;
  virtual Result<call::FlipRecord> flip_record(FlipId) = 0;  ///< live or stored
  virtual Result<call::FlipRecord> cancel_flip(FlipId) = 0;  ///< Conflict if it has ended

  virtual Result<Records> records(const Page&, std::optional<AccountId>) = 0;
  virtual Result<call::CallRecord> record(CallId) = 0;
  virtual Health health() = 0;
};

}  // namespace segue::api
