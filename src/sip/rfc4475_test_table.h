// The 49 torture messages of RFC 4475, byte for byte from tests/torture/, each with what must become of it: in the
// parser (rfc4475_test.cpp beside this) and at the server as a whole (src/engine/rfc4475_test.cpp). For tests only.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace segue::sip::testing {

enum class Outcome {
  Accepted,
  Answered,  ///< refused with `status`, and the response can be addressed
  Dropped,   ///< refused without an answer
};

struct TortureCase {
  const char* name;
  const char* section;
  Outcome outcome;
  int status;       ///< of the parser's refusal
  int answer;       ///< what the server answers in the end; 0: nothing. 401 means: it would be served
  const char* why;  ///< where we choose between what the RFC permits, or differ from it
};

inline constexpr auto Accepted = Outcome::Accepted;
inline constexpr auto Answered = Outcome::Answered;
inline constexpr auto Dropped = Outcome::Dropped;

inline constexpr TortureCase kTortureCases[] = {
    // 3.1.1: valid
    {"wsinv", "3.1.1.1", Accepted, 0, 481, "Its To tag names a dialog that is not ours."},
    {"intmeth", "3.1.1.2", Accepted, 0, 501, ""},
    {"esc01", "3.1.1.3", Accepted, 0, 401, ""},
    {"escnull", "3.1.1.4", Accepted, 0, 401, ""},
    {"esc02", "3.1.1.5", Accepted, 0, 501, ""},
    {"lwsdisp", "3.1.1.6", Accepted, 0, 200, ""},
    {"longreq", "3.1.1.7", Accepted, 0, 401, ""},
    {"dblreq", "3.1.1.8", Accepted, 0, 401, ""},
    {"semiuri", "3.1.1.9", Accepted, 0, 200, ""},
    {"transports", "3.1.1.10", Accepted, 0, 200, ""},
    {"mpart01", "3.1.1.11", Accepted, 0, 405, "MESSAGE is not served here."},
    {"unreason", "3.1.1.12", Accepted, 0, 0, "A response to nothing of ours."},
    {"noreason", "3.1.1.13", Accepted, 0, 0, "A response to nothing of ours."},
    // 3.1.2: invalid
    {"badinv01", "3.1.2.1", Answered, 400, 400, ""},
    {"clerr", "3.1.2.2", Answered, 400, 400, ""},
    {"ncl", "3.1.2.3", Answered, 400, 400, ""},
    {"scalar02", "3.1.2.4", Answered, 400, 400, ""},
    {"scalarlg", "3.1.2.5", Dropped, 400, 0, ""},
    {"quotbal", "3.1.2.6", Answered, 400, 400,
     "No guess where the quote should end: two readers would guess differently."},
    {"ltgtruri", "3.1.2.7", Answered, 400, 400, "Refused, as is always reasonable; no known peer sends it."},
    {"lwsruri", "3.1.2.8", Answered, 400, 400, "Refused; ignoring the space would be permitted."},
    {"lwsstart", "3.1.2.9", Answered, 400, 400, "Refused; ignoring the spaces would be permitted."},
    {"trws", "3.1.2.10", Answered, 400, 400, "Refused; ignoring the spaces would be permitted."},
    {"escruri", "3.1.2.11", Answered, 400, 400,
     "Refused; ignoring the headers would hide somebody's attempt to forge them."},
    {"baddate", "3.1.2.12", Accepted, 0, 401, "Nothing here reads Date, so it is no reason to refuse a call."},
    {"regbadct", "3.1.2.13", Answered, 400, 400, ""},
    {"badaspec", "3.1.2.14", Answered, 400, 400, "Refused; ignoring the spaces would be permitted."},
    {"baddn", "3.1.2.15", Answered, 400, 400,
     "A comma without quotes ends an element of a list. Other characters are let through."},
    {"badvers", "3.1.2.16", Answered, 505, 505, ""},
    {"mismatch01", "3.1.2.17", Answered, 400, 400, ""},
    {"mismatch02", "3.1.2.18", Answered, 400, 400, "400 is permitted; 501 is preferred for proxies, which we are not."},
    {"bigcode", "3.1.2.19", Dropped, 400, 0, ""},
    // 3.2: transaction layer
    {"badbranch", "3.2.1", Accepted, 0, 200, "Matched by the rules of RFC 2543, as if it had no cookie."},
    // 3.3: application layer
    {"insuf", "3.3.1", Dropped, 400, 0,
     "Stricter: a 400 is called ideal, but without Call-ID, From and To no client could match it, and a datagram that "
     "names "
     "nobody may be forged to make us send."},
    {"unkscm", "3.3.2", Accepted, 0, 416, ""},
    {"novelsc", "3.3.3", Accepted, 0, 416, ""},
    {"unksm2", "3.3.4", Accepted, 0, 401, "Before 404 for its address of record comes the question who asks."},
    {"bext01", "3.3.5", Accepted, 0, 420, ""},
    {"invut", "3.3.6", Accepted, 0, 415, ""},
    {"regaut01", "3.3.7", Accepted, 0, 401, "Credentials of a scheme that we do not know are none."},
    {"multi01", "3.3.8", Answered, 400, 400, ""},
    {"mcl01", "3.3.9", Answered, 400, 400, ""},
    {"bcast", "3.3.10", Accepted, 0, 0, "Two Via headers: it is not for us (RFC 3261 section 8.1.3.3)."},
    {"zeromf", "3.3.11", Accepted, 0, 200, "An endpoint does not forward, so it serves it."},
    {"cparam01", "3.3.12", Accepted, 0, 401, ""},
    {"cparam02", "3.3.13", Accepted, 0, 401, ""},
    {"regescrt", "3.3.14", Accepted, 0, 401, ""},
    {"sdp01", "3.3.15", Accepted, 0, 406, "400 would be permitted too."},
    // 3.4: backward compatibility
    {"inv2543", "3.4.1", Accepted, 0, 401, ""},
};

/// The message of that name; `source_dir` is the tree's root.
inline std::string torture_bytes(const std::filesystem::path& source_dir, std::string_view name) {
  std::ifstream file(source_dir / "tests" / "torture" / (std::string(name) + ".sip"), std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace segue::sip::testing
