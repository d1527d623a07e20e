#include "base/assert.h"
#include "sip/agent_impl.h"

namespace segue::sip {

std::string Agent::Impl::new_branch() { return "z9hG4bK" + random.token(20); }

ClientTransaction& Agent::Impl::send_request(Message m, std::string_view branch, const Flow& flow, Purpose purpose,
                                             SessionId session_id, Now now) {
  ClientTransaction t;
  t.purpose = purpose;
  t.session = session_id;
  t.flow = with_reopen(flow, m);
  t.request = std::move(m);
  return transactions.send(std::move(t), branch, now);
}

TransactionId Agent::Impl::request(Message m, const Flow& flow, Now now) {
  const std::string branch = new_branch();
  m.is_request = true;
  m.add_first("Via", via_value(flow, branch));
  if (m.find("Max-Forwards") == nullptr) m.add("Max-Forwards", "70");
  if (m.find("Call-ID") == nullptr) m.add("Call-ID", random.token(24));
  if (m.find("CSeq") == nullptr) m.add("CSeq", std::to_string(1 + random.below(1000000)) + " " + m.method);
  if (tag_of(m.get("From")).empty()) m.set("From", std::string(m.get("From")) + ";tag=" + random.token(15));
  if (m.find("User-Agent") == nullptr) m.add("User-Agent", config.user_agent);
  if (full()) {
    ++counters.refused_full;
    return fail_at_once(m.method, 503);
  }
  return send_request(std::move(m), branch, flow, Purpose::Request, SessionId{}, now).user;
}

TransactionId Agent::Impl::fail_at_once(std::string_view method, int status) {
  Message m;
  m.is_request = false;
  m.method = method;
  m.status = status;
  m.reason = reason_phrase(status);
  const TransactionId id = transactions.new_id();
  out.emplace_back(ResponseReceived{id, std::move(m)});
  return id;
}

bool Agent::Impl::full() const {
  return transactions.clients() + transactions.servers() >= config.limits.max_transactions;
}

Message Agent::Impl::response_to(ServerTransaction& t, int status, std::string_view reason) {
  if (status > 100 && t.to_tag.empty() && tag_of(t.request.get("To")).empty()) t.to_tag = random.token(15);
  Message m = make_response(t.request, status, status > 100 ? std::string_view(t.to_tag) : std::string_view{}, reason);
  m.add("Server", config.user_agent);
  return m;
}

std::string Agent::Impl::send_response(ServerTransaction& t, const Message& m, Now now) {
  // Once refused, the request may come again by another branch of a serial fork and is then a new one.
  if (m.status >= 300) transactions.forget_for_merge(t);
  return t.respond(m, env, now);
}

void Agent::Impl::answer_simply(ServerTransaction& t, int status, Now now, std::vector<Header> headers) {
  Message m = response_to(t, status);
  for (auto& h : headers) m.headers.push_back(std::move(h));
  (void)send_response(t, m, now);
}

void Agent::Impl::respond(TransactionId id, int status, std::vector<Header> headers, std::string body, Now now,
                          std::string_view reason) {
  ServerTransaction* t = transactions.server(id);
  if (t == nullptr || t->answered()) return;
  // A 2xx to INVITE makes a dialog, and only accept_invite() and answer() make one here.
  SEGUE_ASSERT(!t->invite() || status < 200 || status >= 300);
  Message m = response_to(*t, status, reason);
  for (auto& h : headers) m.headers.push_back(std::move(h));
  m.body = std::move(body);
  (void)send_response(*t, m, now);
}

std::optional<Header> Agent::Impl::authorize(const Message& response, std::string_view user, std::string_view password,
                                             std::string_view method, const Uri& uri) {
  const bool proxy = response.status == 407;
  const auto challenges = challenges_of(response, proxy ? "Proxy-Authenticate" : "WWW-Authenticate");
  if (challenges.empty()) return std::nullopt;
  const DigestChallenge& c = challenges.front();
  const std::string ha1 = digest_ha1(c.algorithm, user, c.realm, password);
  const auto answer = digest_answer(c, user, ha1, method, uri.to_string(), 1, random);
  return Header{proxy ? "Proxy-Authorization" : "Authorization", answer.to_string()};
}

}  // namespace segue::sip
