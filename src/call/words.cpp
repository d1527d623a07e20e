#include <string_view>

#include "call/record.h"

namespace segue::call {

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::NormalClearing:
      return "normal_clearing";
    case Cause::Cancelled:
      return "cancelled";
    case Cause::AnsweredElsewhere:
      return "answered_elsewhere";
    case Cause::Flipped:
      return "flipped";
    case Cause::Busy:
      return "busy";
    case Cause::Declined:
      return "declined";
    case Cause::NoAnswer:
      return "no_answer";
    case Cause::Unreachable:
      return "unreachable";
    case Cause::NoCommonCodec:
      return "no_common_codec";
    case Cause::NoMedia:
      return "no_media";
    case Cause::MediaTimeout:
      return "media_timeout";
    case Cause::SessionExpired:
      return "session_expired";
    case Cause::UnknownNumber:
      return "unknown_number";
    case Cause::Forbidden:
      return "forbidden";
    case Cause::NoPorts:
      return "no_ports";
    case Cause::Overload:
      return "overload";
    case Cause::NothingToFlip:
      return "nothing_to_flip";
    case Cause::SeveralCalls:
      return "several_calls";
    case Cause::GraceEnded:
      return "grace_ended";
    case Cause::ServerStopped:
      return "server_stopped";
    case Cause::ProtocolError:
      return "protocol_error";
  }
  return "unknown";
}

int sip_status(Cause cause) {
  switch (cause) {
    case Cause::NormalClearing:
    case Cause::AnsweredElsewhere:
    case Cause::Flipped:
      return 200;
    case Cause::Cancelled:
      return 487;
    case Cause::Busy:
      return 486;
    case Cause::Declined:
      return 603;
    case Cause::NoAnswer:
    case Cause::GraceEnded:
      return 480;
    case Cause::Unreachable:
      return 480;
    case Cause::NoCommonCodec:
      return 488;
    case Cause::NoMedia:
    case Cause::MediaTimeout:
    case Cause::SessionExpired:
      return 408;
    case Cause::UnknownNumber:
      return 404;
    case Cause::NothingToFlip:
      return 404;
    case Cause::SeveralCalls:
      return 486;
    case Cause::Forbidden:
      return 403;
    case Cause::NoPorts:
    case Cause::Overload:
    case Cause::ServerStopped:
      return 503;
    case Cause::ProtocolError:
      return 500;
  }
  return 500;
}

std::string reason_header(Cause cause) {
  switch (cause) {
    case Cause::AnsweredElsewhere:
      return "SIP;cause=200;text=\"Call completed elsewhere\"";
    case Cause::Flipped:
      return "SIP;cause=200;text=\"Call flipped to another device\"";
    case Cause::NormalClearing:
      return "Q.850;cause=16;text=\"Normal call clearing\"";
    case Cause::Cancelled:
      return "SIP;cause=487;text=\"Cancelled\"";
    case Cause::Busy:
      return "Q.850;cause=17;text=\"User busy\"";
    case Cause::Declined:
      return "Q.850;cause=21;text=\"Call rejected\"";
    case Cause::NoAnswer:
      return "Q.850;cause=19;text=\"No answer\"";
    case Cause::Unreachable:
      return "Q.850;cause=20;text=\"Subscriber absent\"";
    case Cause::NoCommonCodec:
      return "SIP;cause=488;text=\"No common codec\"";
    case Cause::NoMedia:
      return "SIP;cause=408;text=\"No audio came\"";
    case Cause::MediaTimeout:
      return "SIP;cause=408;text=\"Audio stopped\"";
    case Cause::SessionExpired:
      return "SIP;cause=408;text=\"Session expired\"";
    case Cause::UnknownNumber:
      return "Q.850;cause=1;text=\"Unallocated number\"";
    case Cause::Forbidden:
      return "SIP;cause=403;text=\"Forbidden\"";
    case Cause::NoPorts:
    case Cause::Overload:
      return "Q.850;cause=42;text=\"Switching equipment congestion\"";
    case Cause::NothingToFlip:
      return "SIP;cause=404;text=\"No call to take\"";
    case Cause::SeveralCalls:
      return "SIP;cause=486;text=\"Several calls are up, say which\"";
    case Cause::GraceEnded:
      return "Q.850;cause=19;text=\"The other side left and did not come back\"";
    case Cause::ServerStopped:
      return "Q.850;cause=41;text=\"Server is stopping\"";
    case Cause::ProtocolError:
      return "Q.850;cause=111;text=\"Protocol error\"";
  }
  return "Q.850;cause=31;text=\"Normal, unspecified\"";
}

std::string_view to_string(FlipTrigger t) {
  switch (t) {
    case FlipTrigger::Api:
      return "api";
    case FlipTrigger::FeatureCode:
      return "feature_code";
    case FlipTrigger::PullCode:
      return "pull_code";
    case FlipTrigger::Refer:
      return "refer";
    case FlipTrigger::Replaces:
      return "replaces";
    case FlipTrigger::Banner:
      return "banner";
  }
  return "unknown";
}

std::string_view to_string(FlipMode m) { return m == FlipMode::Ring ? "ring" : "auto_answer"; }

std::string_view to_string(FlipOutcome o) {
  switch (o) {
    case FlipOutcome::Done:
      return "done";
    case FlipOutcome::Declined:
      return "declined";
    case FlipOutcome::Busy:
      return "busy";
    case FlipOutcome::NoAnswer:
      return "no_answer";
    case FlipOutcome::Unreachable:
      return "unreachable";
    case FlipOutcome::NoMedia:
      return "no_media";
    case FlipOutcome::NoCommonCodec:
      return "no_common_codec";
    case FlipOutcome::Cancelled:
      return "cancelled";
    case FlipOutcome::FarPartyLeft:
      return "far_party_left";
    case FlipOutcome::Failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(SegmentKind k) {
  switch (k) {
    case SegmentKind::Ring:
      return "ring";
    case SegmentKind::Talk:
      return "talk";
    case SegmentKind::Hold:
      return "hold";
    case SegmentKind::Flip:
      return "flip";
    case SegmentKind::Transfer:
      return "transfer";
    case SegmentKind::Park:
      return "park";
    case SegmentKind::FollowMe:
      return "follow_me";
  }
  return "unknown";
}

std::string_view to_string(CallState s) {
  switch (s) {
    case CallState::Ringing:
      return "ringing";
    case CallState::Talking:
      return "talking";
    case CallState::Ended:
      return "ended";
  }
  return "unknown";
}

}  // namespace segue::call
