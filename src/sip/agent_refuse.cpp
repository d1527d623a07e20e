// What of a request this agent does not do, and the status that says so (RFC 3261 section 8.2).
#include <algorithm>

#include "sip/agent_impl.h"

namespace segue::sip {
namespace {

/// The options of Require that `supported` lacks, as one value for Unsupported.
std::string unsupported_options(const Message& m, const std::vector<std::string>& supported) {
  std::string missing;
  if (m.find("Require") == nullptr) return missing;
  for (const auto option : list_values(m, "Require")) {
    const auto known =
        std::any_of(supported.begin(), supported.end(), [&](const std::string& s) { return iequals(s, option); });
    if (!known) missing.append(missing.empty() ? "" : ", ").append(option);
  }
  return missing;
}

/// True if an answer in application/sdp may come back (RFC 3261 20.1: so it is if nothing is said).
bool takes_sdp(const Message& m) {
  if (m.find("Accept") == nullptr) return true;
  const auto ranges = list_values(m, "Accept");
  return std::any_of(ranges.begin(), ranges.end(), [](std::string_view range) {
    std::string_view type = range.substr(0, range.find(';'));
    type = type.substr(0, type.find_last_not_of(" \t") + 1);
    return iequals(type, "application/sdp") || iequals(type, "application/*") || type == "*/*";
  });
}

/// The status that refuses an INVITE with Replaces, 0 if it has none. Taking over a dialog by Replaces is not offered
/// yet; a second call beside the one meant would be worse than none, so every dialog named is unknown (RFC 3891
/// section 3).
int refusal_of_replaces(const Message& m) {
  const auto all = m.all("Replaces");
  if (all.empty()) return 0;
  const auto one = ValueParams::parse(all.front());
  const bool whole =
      all.size() == 1 && one && !one->value.empty() && one->params.has("to-tag") && one->params.has("from-tag");
  return whole ? 481 : 400;
}

}  // namespace

bool Agent::Impl::refuse(const Message& m, ServerTransaction& t, Now now) {
  const auto with = [&](int status, std::vector<Header> headers) {
    answer_simply(t, status, now, std::move(headers));
    return true;
  };
  if (auto missing = unsupported_options(m, config.supported); !missing.empty()) {
    return with(420, {{"Unsupported", std::move(missing)}});
  }
  const bool may_offer = m.is("INVITE") || m.is("UPDATE");
  if (may_offer && !m.body.empty() && !t.offer) return with(415, {{"Accept", "application/sdp"}});
  const std::string* coding = m.find("Content-Encoding");
  if (!m.body.empty() && coding != nullptr && !iequals(*coding, "identity")) {
    return with(415, {{"Accept-Encoding", "identity"}});
  }
  if ((m.is("INVITE") || t.offer) && !takes_sdp(m))
    return with(406, {{"Warning", "399 segue \"Answers are application/sdp\""}});
  const int replaces = m.is("INVITE") && !t.session.valid() ? refusal_of_replaces(m) : 0;
  return replaces != 0 && with(replaces, {});
}

}  // namespace segue::sip
