// The only file of this layer that sees OpenSSL.
#include "sip/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

#include "base/assert.h"
#include "sip/chars.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace segue::sip {
namespace {

constexpr std::size_t kBirthDigits = 16, kSaltDigits = 16, kSignatureDigits = 32;
constexpr std::size_t kNonceDigits = kBirthDigits + kSaltDigits + kSignatureDigits;

std::string to_hex(const unsigned char* bytes, std::size_t count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(count * 2);
  for (std::size_t i = 0; i < count; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

std::string hex64(std::uint64_t value) {
  unsigned char bytes[8];
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(value >> (56 - 8 * i));
  return to_hex(bytes, sizeof bytes);
}

/// Hexadecimal hash of the parts joined with ':'.
std::string hash(DigestAlgorithm algorithm, std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const auto part : parts) text.append(part).append(":");
  text.pop_back();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const auto* type = algorithm == DigestAlgorithm::Md5 ? EVP_md5() : EVP_sha256();
  SEGUE_ASSERT(EVP_Digest(text.data(), text.size(), digest, &size, type, nullptr) == 1);
  return to_hex(digest, size);
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view algorithm_name(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::Md5 ? "MD5" : "SHA-256";
}

/// The grammar wants quotes around these even if the value is a token.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (!out.ends_with(' ')) out += ", ";
  out.append(name).append("=");
  append_quoted(out, value);
}

struct Field {
  std::string_view name;
  std::string value;
};

/// The comma-separated fields after the word "Digest".
Result<std::vector<Field>> parse_fields(std::string_view text) {
  text = trim(text);
  if (text.size() < 7 || !iequals(text.substr(0, 6), "Digest") || !is_class(text[6], kSpace)) {
    return fail(ErrorKind::InvalidInput, "the scheme is not Digest");
  }
  std::vector<Field> fields;
  ListCursor cursor{text.substr(7)};
  std::string_view piece;
  while (cursor.next(piece)) {
    if (piece.empty()) continue;  // RFC 7235's lists may have empty elements, and some phones end with a comma
    const auto equals = piece.find('=');
    if (equals == std::string_view::npos) return fail(ErrorKind::InvalidInput, "digest: a field without =");
    const auto name = trim(piece.substr(0, equals));
    const auto value = trim(piece.substr(equals + 1));
    const bool quoted = !value.empty() && value.front() == '"';
    if (!all_of_class(name, kToken) || (quoted && quoted_length(value) != value.size())) {
      return fail(ErrorKind::InvalidInput, "digest: a malformed field");
    }
    const bool twice =
        std::any_of(fields.begin(), fields.end(), [&](const Field& field) { return iequals(field.name, name); });
    if (twice) return fail(ErrorKind::InvalidInput, "digest: a field that stands twice");
    fields.push_back({name, unquote(value)});
  }
  return fields;
}

std::string take(std::vector<Field>& fields, std::string_view name) {
  for (auto& field : fields) {
    if (iequals(field.name, name)) return std::move(field.value);
  }
  return {};
}

Result<DigestAlgorithm> parse_algorithm(std::string_view name) {
  if (name.empty() || iequals(name, "MD5")) return DigestAlgorithm::Md5;  // RFC 2617: absent means MD5
  if (iequals(name, "SHA-256")) return DigestAlgorithm::Sha256;
  return fail(ErrorKind::InvalidInput, "digest: the algorithm is not MD5 or SHA-256");
}

Result<std::uint32_t> parse_nonce_count(std::string_view text) {
  std::uint32_t count = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count, 16);
  if (error != std::errc{} || stop != end || text.size() > 8) {
    return fail(ErrorKind::InvalidInput, "digest: nc is not 8 hexadecimal digits");
  }
  return count;
}

std::string count_text(std::uint32_t count) { return hex64(count).substr(8); }

}  // namespace

std::string digest_ha1(DigestAlgorithm algorithm, std::string_view user, std::string_view realm,
                       std::string_view password) {
  return hash(algorithm, {user, realm, password});
}

std::string digest_response(const DigestCredentials& c, std::string_view method, std::string_view ha1) {
  const auto ha2 = hash(c.algorithm, {method, c.uri});
  if (c.qop.empty()) return hash(c.algorithm, {ha1, c.nonce, ha2});
  return hash(c.algorithm, {ha1, c.nonce, count_text(c.nonce_count), c.cnonce, c.qop, ha2});
}

Result<DigestCredentials> DigestCredentials::parse(std::string_view header_value) {
  auto fields = parse_fields(header_value);
  if (!fields) return tl::unexpected(fields.error());
  const auto algorithm = parse_algorithm(take(*fields, "algorithm"));
  if (!algorithm) return tl::unexpected(algorithm.error());
  DigestCredentials c;
  c.algorithm = *algorithm;
  c.username = take(*fields, "username");
  c.realm = take(*fields, "realm");
  c.nonce = take(*fields, "nonce");
  c.uri = take(*fields, "uri");
  c.response = take(*fields, "response");
  c.cnonce = take(*fields, "cnonce");
  c.opaque = take(*fields, "opaque");
  c.qop = take(*fields, "qop");
  if (c.username.empty() || c.nonce.empty() || c.uri.empty() || c.response.empty()) {
    return fail(ErrorKind::InvalidInput, "digest: username, nonce, uri or response is missing");
  }
  if (c.qop.empty()) return c;
  if (!iequals(c.qop, "auth")) return fail(ErrorKind::InvalidInput, "digest: qop is not auth");
  const auto count = parse_nonce_count(take(*fields, "nc"));
  if (!count) return tl::unexpected(count.error());
  if (c.cnonce.empty()) return fail(ErrorKind::InvalidInput, "digest: qop without cnonce");
  c.nonce_count = *count;
  return c;
}

std::string DigestCredentials::to_string() const {
  std::string out = "Digest ";
  append_field(out, "username", username);
  append_field(out, "realm", realm);
  append_field(out, "nonce", nonce);
  append_field(out, "uri", uri);
  append_field(out, "response", response);
  out.append(", algorithm=").append(algorithm_name(algorithm));
  if (!opaque.empty()) append_field(out, "opaque", opaque);
  if (qop.empty()) return out;
  append_field(out, "cnonce", cnonce);
  return out.append(", qop=").append(qop).append(", nc=").append(count_text(nonce_count));
}

Result<DigestChallenge> DigestChallenge::parse(std::string_view header_value) {
  auto fields = parse_fields(header_value);
  if (!fields) return tl::unexpected(fields.error());
  const auto algorithm = parse_algorithm(take(*fields, "algorithm"));
  if (!algorithm) return tl::unexpected(algorithm.error());
  DigestChallenge challenge;
  challenge.algorithm = *algorithm;
  challenge.realm = take(*fields, "realm");
  challenge.nonce = take(*fields, "nonce");
  challenge.opaque = take(*fields, "opaque");
  challenge.stale = iequals(take(*fields, "stale"), "true");
  if (challenge.nonce.empty()) return fail(ErrorKind::InvalidInput, "digest: a challenge without nonce");
  const auto qop = take(*fields, "qop");
  const auto offered = split_list(qop);
  challenge.qop_auth = std::any_of(offered.begin(), offered.end(), [](auto one) { return iequals(one, "auth"); });
  if (!qop.empty() && !challenge.qop_auth) return fail(ErrorKind::InvalidInput, "digest: qop without auth");
  return challenge;
}

std::string DigestChallenge::to_string() const {
  std::string out = "Digest ";
  append_field(out, "realm", realm);
  append_field(out, "nonce", nonce);
  if (!opaque.empty()) append_field(out, "opaque", opaque);
  if (stale) out += ", stale=true";
  out.append(", algorithm=").append(algorithm_name(algorithm));
  if (qop_auth) append_field(out, "qop", "auth");
  return out;
}

/// HMAC-SHA-256.
struct DigestServer::Signer {
  std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac{EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free};
  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context{EVP_MAC_CTX_new(mac.get()), &EVP_MAC_CTX_free};

  explicit Signer(std::string_view key) {
    char digest[] = "SHA256";
    const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                               OSSL_PARAM_construct_end()};
    const auto* bytes = reinterpret_cast<const unsigned char*>(key.data());
    SEGUE_ASSERT(EVP_MAC_init(context.get(), bytes, key.size(), parameters.data()) == 1);
  }

  [[nodiscard]] std::string sign(std::string_view text) const {
    unsigned char result[EVP_MAX_MD_SIZE];
    std::size_t size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    SEGUE_ASSERT(EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1);  // the same key again
    SEGUE_ASSERT(EVP_MAC_update(context.get(), bytes, text.size()) == 1);
    SEGUE_ASSERT(EVP_MAC_final(context.get(), result, &size, sizeof result) == 1 && size >= kSignatureDigits / 2);
    return to_hex(result, kSignatureDigits / 2);
  }
};

void DigestServer::ForgetSigner::operator()(Signer* signer) const { delete signer; }

DigestServer::DigestServer(std::string realm, Random random)
    : realm_(std::move(realm)), random_(random), signer_(new Signer(random_.token(52))) {}

std::string DigestServer::sign(std::string_view text) const { return signer_->sign(text); }

DigestChallenge DigestServer::challenge(DigestAlgorithm algorithm, bool stale, Instant now) {
  DigestChallenge challenge;
  challenge.realm = realm_;
  challenge.nonce = hex64(static_cast<std::uint64_t>(now.time_since_epoch().count())) + hex64(random_.u64());
  challenge.nonce += sign(challenge.nonce);
  challenge.stale = stale;
  challenge.algorithm = algorithm;
  return challenge;
}

/// When we made this nonce; nullopt if we did not.
std::optional<Instant> DigestServer::birth(std::string_view nonce) const {
  if (nonce.size() != kNonceDigits) return std::nullopt;
  const auto text = nonce.substr(0, kBirthDigits + kSaltDigits);
  if (!same_secret(sign(text), nonce.substr(text.size()))) return std::nullopt;
  std::uint64_t count = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + kBirthDigits, count, 16);
  if (error != std::errc{} || stop != text.data() + kBirthDigits) return std::nullopt;
  return Instant(Duration(static_cast<std::int64_t>(count)));
}

bool DigestServer::fresh(const DigestCredentials& c, Instant now) {
  const auto born = birth(c.nonce);
  if (!born || *born > now || now - *born > kNonceLife) return false;
  // RFC 2069's form has no count: its one use is the nonce's last.
  const std::uint32_t count = c.qop.empty() ? std::numeric_limits<std::uint32_t>::max() : c.nonce_count;
  const auto known = seen_.find(c.nonce);
  if (known != seen_.end()) {
    if (count <= known->second.highest_count) return false;
    known->second.highest_count = count;
    return true;
  }
  if (count == 0 || (forgotten_until_ && *born <= *forgotten_until_)) return false;
  if (seen_.size() >= kMaxTrackedNonces) forget_old(now);
  seen_.emplace(c.nonce, Seen{count, *born});
  return true;
}

/// Makes room: all that are too old anyway and, if they were not many, the older half of the rest.
void DigestServer::forget_old(Instant now) {
  std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.born > kNonceLife; });
  if (seen_.size() < kMaxTrackedNonces / 2) return;
  std::vector<Instant> births;
  births.reserve(seen_.size());
  for (const auto& entry : seen_) births.push_back(entry.second.born);
  const auto middle = births.begin() + static_cast<std::ptrdiff_t>(births.size() / 2);
  std::nth_element(births.begin(), middle, births.end());
  forgotten_until_ = forgotten_until_ ? std::max(*forgotten_until_, *middle) : *middle;
  std::erase_if(seen_, [&](const auto& entry) { return entry.second.born <= *forgotten_until_; });
}

DigestServer::Verdict DigestServer::check(const DigestCredentials& c, std::string_view method, std::string_view ha1,
                                          Instant now) {
  if (c.realm != realm_ || !same_secret(digest_response(c, method, ha1), c.response)) return Verdict::Wrong;
  // Only who knows the password is told "stale": it makes the phone try again without asking its user (RFC 7616
  // section 3.3).
  return fresh(c, now) ? Verdict::Ok : Verdict::Stale;
}

DigestCredentials digest_answer(const DigestChallenge& challenge, std::string_view user, std::string_view ha1,
                                std::string_view method, std::string_view uri, std::uint32_t nonce_count,
                                Random& random) {
  DigestCredentials c;
  c.username = user;
  c.realm = challenge.realm;
  c.nonce = challenge.nonce;
  c.opaque = challenge.opaque;
  c.uri = uri;
  c.algorithm = challenge.algorithm;
  if (challenge.qop_auth) {
    c.qop = "auth";
    c.cnonce = random.token(16);
    c.nonce_count = nonce_count;
  }
  c.response = digest_response(c, method, ha1);
  return c;
}

}  // namespace segue::sip
