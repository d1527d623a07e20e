#include "sip/session_auth.h"

#include <algorithm>

namespace segue::sip {
namespace {

constexpr std::string_view kChallenge[] = {"WWW-Authenticate", "Proxy-Authenticate"};
constexpr std::string_view kAnswer[] = {"Authorization", "Proxy-Authorization"};

bool has_answer(const Message& request, std::string_view header, std::string_view realm) {
  const auto answers = request.all(header);
  return std::any_of(answers.begin(), answers.end(), [&](std::string_view text) {
    const auto parsed = DigestCredentials::parse(text);
    return parsed && parsed->realm == realm;
  });
}

}  // namespace

std::vector<DigestChallenge> challenges_of(const Message& response, std::string_view header) {
  std::vector<DigestChallenge> best;
  for (const auto value : response.all(header)) {
    auto parsed = DigestChallenge::parse(value);
    if (!parsed) continue;
    const auto same = std::find_if(best.begin(), best.end(), [&](const auto& c) { return c.realm == parsed->realm; });
    if (same == best.end()) {
      best.push_back(std::move(*parsed));
    } else if (same->algorithm == DigestAlgorithm::Md5 && parsed->algorithm == DigestAlgorithm::Sha256) {
      *same = std::move(*parsed);
    }
  }
  return best;
}

bool SessionCredentials::learn(const Message& response, const Message& request, bool first) {
  const bool proxy = response.status == 407;
  auto challenges = challenges_of(response, kChallenge[proxy]);
  if (challenges.empty()) return false;
  const bool refused = std::any_of(challenges.begin(), challenges.end(), [&](const DigestChallenge& c) {
    return !first && !c.stale && has_answer(request, kAnswer[proxy], c.realm);
  });
  if (refused) return false;
  for (auto& c : challenges) remember(std::move(c), proxy);
  return true;
}

void SessionCredentials::remember(DigestChallenge challenge, bool proxy) {
  const auto same = std::find_if(realms_.begin(), realms_.end(), [&](const Realm& r) {
    return r.proxy == proxy && r.challenge.realm == challenge.realm;
  });
  std::string ha1 = digest_ha1(challenge.algorithm, user_, challenge.realm, password_);
  Realm realm{std::move(challenge), std::move(ha1), 0, proxy};
  if (same != realms_.end()) {
    *same = std::move(realm);
  } else if (realms_.size() < kMaxRealms) {
    realms_.push_back(std::move(realm));
  }
}

void SessionCredentials::sign(Message& request, Random& random) {
  for (const auto header : kAnswer) request.remove(header);
  if (realms_.empty()) return;
  const std::string uri = request.request_uri.to_string();
  for (auto& r : realms_) {
    const auto answer = digest_answer(r.challenge, user_, r.ha1, request.method, uri, ++r.uses, random);
    request.add(kAnswer[r.proxy], answer.to_string());
  }
}

}  // namespace segue::sip
