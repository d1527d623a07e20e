#include "sip/agent_impl.h"

namespace segue::sip {

TransactionId Agent::Impl::request_in_session(Session& s, std::string_view method, std::vector<Header> headers,
                                              std::string body, Now now) {
  const Dialog* d = &s.dialog;
  if (s.state == SessionState::Calling) d = s.early.empty() ? nullptr : &s.early.back();
  if (s.state == SessionState::Leaving || d == nullptr) return fail_at_once(method, 481);
  const std::string branch = new_branch();
  Message m = d->make_request(method, ++s.local_cseq, via_value(d->flow, branch));
  if (method == "REFER" || method == "NOTIFY" || method == "SUBSCRIBE") m.add("Contact", s.contact);
  m.add("User-Agent", config.user_agent);
  for (auto& h : headers) m.headers.push_back(std::move(h));
  m.body = std::move(body);
  if (s.credentials) s.credentials->sign(m, random);
  return send_request(std::move(m), branch, d->flow, Purpose::InSession, s.id, now).user;
}

void Agent::Impl::on_session_request(Session& s, ServerTransaction& t, Message m, Now now) {
  if (m.is("OPTIONS") && m.body.empty()) {
    return answer_simply(t, 200, now,
                         {{"Allow", config.allow}, {"Supported", supported_list}, {"Accept", "application/sdp"}});
  }
  if (m.is("PRACK")) return answer_simply(t, 481, now);
  out.emplace_back(SessionRequest{s.id, t.id, std::move(m)});
}

}  // namespace segue::sip
