#include "moq/transport/webtransport/internal/http3.h"

namespace moq::transport::webtransport {

std::string_view to_string(H3Code code) {
  switch (code) {
    case H3Code::datagram_error:
      return "H3_DATAGRAM_ERROR";
    case H3Code::no_error:
      return "H3_NO_ERROR";
    case H3Code::general_protocol_error:
      return "H3_GENERAL_PROTOCOL_ERROR";
    case H3Code::internal_error:
      return "H3_INTERNAL_ERROR";
    case H3Code::stream_creation_error:
      return "H3_STREAM_CREATION_ERROR";
    case H3Code::closed_critical_stream:
      return "H3_CLOSED_CRITICAL_STREAM";
    case H3Code::frame_unexpected:
      return "H3_FRAME_UNEXPECTED";
    case H3Code::frame_error:
      return "H3_FRAME_ERROR";
    case H3Code::excessive_load:
      return "H3_EXCESSIVE_LOAD";
    case H3Code::id_error:
      return "H3_ID_ERROR";
    case H3Code::settings_error:
      return "H3_SETTINGS_ERROR";
    case H3Code::missing_settings:
      return "H3_MISSING_SETTINGS";
    case H3Code::request_rejected:
      return "H3_REQUEST_REJECTED";
    case H3Code::request_cancelled:
      return "H3_REQUEST_CANCELLED";
    case H3Code::request_incomplete:
      return "H3_REQUEST_INCOMPLETE";
    case H3Code::message_error:
      return "H3_MESSAGE_ERROR";
    case H3Code::connect_error:
      return "H3_CONNECT_ERROR";
    case H3Code::version_fallback:
      return "H3_VERSION_FALLBACK";
    case H3Code::qpack_decompression_failed:
      return "QPACK_DECOMPRESSION_FAILED";
  }
  return "H3 error";
}

}  // namespace moq::transport::webtransport
