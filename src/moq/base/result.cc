#include "moq/base/result.h"

#include <cstdio>
#include <cstdlib>

namespace moq {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::internal:
      return "internal error";
    case Code::invalid_argument:
      return "invalid argument";
    case Code::bad_config:
      return "bad configuration";
    case Code::unsupported:
      return "unsupported";
    case Code::closed:
      return "closed";
    case Code::cancelled:
      return "cancelled";
    case Code::timeout:
      return "timed out";
    case Code::io:
      return "input/output error";
    case Code::name_not_found:
      return "name not found";
    case Code::refused:
      return "connection refused";
    case Code::unreachable:
      return "unreachable";
    case Code::tls:
      return "TLS failure";
    case Code::transport:
      return "transport error";
    case Code::version:
      return "no common version";
    case Code::unauthorized:
      return "unauthorized";
    case Code::forbidden:
      return "forbidden";
    case Code::rejected:
      return "rejected";
    case Code::going_away:
      return "going away";
    case Code::protocol_violation:
      return "protocol violation";
    case Code::decode:
      return "undecodable message";
    case Code::key_value_formatting:
      return "malformed parameters";
    case Code::control_timeout:
      return "control message timed out";
    case Code::not_found:
      return "not found";
    case Code::unroutable:
      return "unroutable";
    case Code::duplicate:
      return "duplicate";
    case Code::old:
      return "too old";
    case Code::evicted:
      return "evicted from cache";
    case Code::too_far_behind:
      return "too far behind";
    case Code::restarted:
      return "publisher restarted";
    case Code::wrong_size:
      return "wrong size";
    case Code::frame_too_large:
      return "frame too large";
    case Code::group_too_large:
      return "group too large";
    case Code::too_many:
      return "limit reached";
    case Code::timestamp_mismatch:
      return "timestamp mismatch";
    case Code::malformed_track:
      return "malformed track";
    case Code::application:
      return "application error";
  }
  std::unreachable();
}

std::string Error::describe() const {
  std::string out(to_string(code));
  if (!text.empty()) out.append(": ").append(text);
  if (wire) out.append(" (code ").append(std::to_string(*wire)).append(")");
  return out;
}

Error Error::with_context(std::string_view context) const {
  Error error = *this;
  error.text = text.empty() ? std::string(context) : std::string(context) + ": " + text;
  return error;
}

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "moq: bug: %s does not hold at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace moq
