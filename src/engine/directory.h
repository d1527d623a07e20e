// The directory in memory: accounts, devices and numbers as the store holds them, and how many bindings each device
// has. Implements the domain's port. Owner: the signalling loop; the application changes it together with the store.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "call/directory.h"
#include "engine/registrar.h"

namespace segue::engine {

class Directory final : public call::Directory {
 public:
  explicit Directory(const Registrar& registrar) : registrar_(registrar) {}

  void put(call::Account account);
  void put(call::Device device);
  void put(call::Number number);
  void remove(AccountId id);  ///< with its devices and numbers
  void remove(DeviceId id);
  void remove(NumberId id);

  [[nodiscard]] const call::Account* account(AccountId id) const override;
  [[nodiscard]] const call::Device* device(DeviceId id) const override;
  [[nodiscard]] std::vector<DeviceId> devices_of(AccountId id) const override;
  [[nodiscard]] const call::Number* number(std::string_view digits) const override;
  [[nodiscard]] const call::Number* number_of(AccountId id) const override;
  [[nodiscard]] std::size_t bindings(DeviceId id) const override { return registrar_.bindings(id).size(); }

  [[nodiscard]] bool talks_over(LegId leg, DeviceId id, std::size_t binding) const override;
  [[nodiscard]] bool same_flow(LegId a, LegId b) const override;
  /// Who knows the legs: the flow of one, nullptr for one that is gone.
  using FlowOf = std::function<const sip::Flow*(LegId)>;
  void ask_for_flows(FlowOf flow_of) { flow_of_ = std::move(flow_of); }

  [[nodiscard]] const call::Device* device_by_username(std::string_view username) const;
  [[nodiscard]] const call::Number* number(NumberId id) const;
  [[nodiscard]] const std::map<AccountId, call::Account>& accounts() const { return accounts_; }
  [[nodiscard]] const std::map<DeviceId, call::Device>& devices() const { return devices_; }
  [[nodiscard]] const std::map<NumberId, call::Number>& numbers() const { return numbers_; }

 private:
  const Registrar& registrar_;
  FlowOf flow_of_;
  std::map<AccountId, call::Account> accounts_;
  std::map<DeviceId, call::Device> devices_;
  std::map<NumberId, call::Number> numbers_;
  // Found by what is dialled, said and owned: one look-up a call, whatever the number of accounts.
  std::unordered_map<std::string, DeviceId> by_username_;
  std::unordered_map<std::string, NumberId> by_digits_;
  std::map<AccountId, std::set<DeviceId>> devices_of_;
  std::map<AccountId, std::set<NumberId>> numbers_of_;
};

}  // namespace segue::engine
