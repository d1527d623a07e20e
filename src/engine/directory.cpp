#include "engine/directory.h"

#include <algorithm>

namespace segue::engine {

void Directory::put(call::Account account) { accounts_[account.id] = std::move(account); }

void Directory::put(call::Device device) {
  remove(device.id);
  by_username_[device.username] = device.id;
  devices_of_[device.account].insert(device.id);
  devices_[device.id] = std::move(device);
}

void Directory::put(call::Number number) {
  remove(number.id);
  by_digits_[number.digits] = number.id;
  numbers_of_[number.account].insert(number.id);
  numbers_[number.id] = std::move(number);
}

void Directory::remove(AccountId id) {
  for (auto device : devices_of(id)) remove(device);
  const auto numbers = numbers_of_[id];
  for (auto number : numbers) remove(number);
  devices_of_.erase(id);
  numbers_of_.erase(id);
  accounts_.erase(id);
}

void Directory::remove(DeviceId id) {
  const auto it = devices_.find(id);
  if (it == devices_.end()) return;
  by_username_.erase(it->second.username);
  devices_of_[it->second.account].erase(id);
  devices_.erase(it);
}

void Directory::remove(NumberId id) {
  const auto it = numbers_.find(id);
  if (it == numbers_.end()) return;
  by_digits_.erase(it->second.digits);
  numbers_of_[it->second.account].erase(id);
  numbers_.erase(it);
}

const call::Account* Directory::account(AccountId id) const {
  const auto it = accounts_.find(id);
  return it == accounts_.end() ? nullptr : &it->second;
}

const call::Device* Directory::device(DeviceId id) const {
  const auto it = devices_.find(id);
  return it == devices_.end() ? nullptr : &it->second;
}

std::vector<DeviceId> Directory::devices_of(AccountId id) const {
  const auto it = devices_of_.find(id);
  if (it == devices_of_.end()) return {};
  return {it->second.begin(), it->second.end()};
}

const call::Number* Directory::number(std::string_view digits) const {
  const auto it = by_digits_.find(std::string(digits));
  return it == by_digits_.end() ? nullptr : &numbers_.at(it->second);
}

const call::Number* Directory::number(NumberId id) const {
  const auto it = numbers_.find(id);
  return it == numbers_.end() ? nullptr : &it->second;
}

const call::Number* Directory::number_of(AccountId id) const {
  const auto it = numbers_of_.find(id);
  if (it == numbers_of_.end() || it->second.empty()) return nullptr;
  return &numbers_.at(*it->second.begin());
}

bool Directory::talks_over(LegId leg, DeviceId id, std::size_t binding) const {
  const auto* flow = flow_of_(leg);
  const auto& all = registrar_.bindings(id);
  if (flow == nullptr || binding >= all.size()) return false;
  const auto over = [&](const Binding& b) { return b.flow == *flow; };
  if (std::any_of(all.begin(), all.end(), over)) return over(all[binding]);
  // It calls from another port than it registered from: the binding of the same host is its own.
  return all[binding].flow.remote.ip == flow->remote.ip;
}

bool Directory::same_flow(LegId a, LegId b) const {
  const auto* one = flow_of_(a);
  const auto* two = flow_of_(b);
  return one != nullptr && two != nullptr && *one == *two;
}

const call::Device* Directory::device_by_username(std::string_view username) const {
  const auto it = by_username_.find(std::string(username));
  return it == by_username_.end() ? nullptr : &devices_.at(it->second);
}

}  // namespace segue::engine
