#include "moq/cli/session_log.h"

#include "moq/app/events.h"

namespace moq::cli {

using app::Event;

std::string describe_end(const Error& error) {
  if (error.code == Code::going_away) return "goaway";
  if (error.wire) {
    const std::string what = error.text.empty() ? std::string(to_string(error.code)) : error.text;
    return "closed by peer (" + std::to_string(*error.wire) + " " + what + ")";
  }
  if (error.code == Code::refused) return "refused";
  return error.text.empty() ? std::string(to_string(error.code)) : error.text;
}

std::string advise(const Error& error, const native::Url& url) {
  const auto says = [&](std::string_view part) { return error.text.contains(part); };
  switch (error.code) {
    case Code::name_not_found:
      return "check the host in --connect";
    case Code::refused:
      if (says("/certificate.sha256")) {
        return "http:// first asks the relay's web listener on the same TCP port: is the relay "
               "running, with --web-http-listen?";
      }
      return "nothing answers there: is the relay running, and is this its UDP port?";
    case Code::unreachable:
      return "check the address and this machine's network";
    case Code::timeout:
      return "no answer: check host and port, and that UDP passes the firewalls between";
    case Code::tls:
      if (says("fingerprint mismatch")) {
        return "the relay has another certificate now, or somebody is between; the right hash is "
               "in http://" +
               url.authority() + "/certificate.sha256 if its web listener is on";
      }
      return "if the certificate is meant to be so: --connect-tls-root FILE trusts its authority, "
             "--connect-tls-fingerprint HEX this certificate alone, and an http:// URL what a "
             "development relay generated";
    case Code::version:
      return "the other side speaks no version that is offered; see --connect-version";
    case Code::unauthorized:
    case Code::forbidden:
      return "the relay refuses this path: check the URL's path and token";
    default:
      return {};
  }
}

void SessionLog::update(const native::Reconnect::State& now) {
  using native::Status;
  const bool new_session = now.epoch != last_.epoch;
  const bool was_connected = last_.status == Status::connected;
  const bool lost = was_connected && (new_session || now.status == Status::disconnected);
  if (lost) {
    Event("disconnected")
        .add("epoch", last_.epoch)
        .add("reason", describe_end(now.left.value_or(Error(Code::closed))))
        .write(log::Level::info);
  }
  if (now.failed_dials != last_.failed_dials && now.last_error && !now.terminal) {
    Event event("dial_failed");
    event.add("url", url_.to_string())
        .add("error", now.last_error->describe())
        .add("retry_ms", to_ms(now.next_dial));
    const std::string advice = advise(*now.last_error, url_);
    if (!advice.empty() && advised_ != now.last_error->code) event.add("advice", advice);
    advised_ = now.last_error->code;
    event.write(log::Level::warn);
  }
  if (new_session) {
    advised_.reset();
    Event("connected")
        .add("epoch", now.epoch)
        .add("url", now.link.url)
        .add("version", now.link.version)
        .add("transport", now.link.transport)
        .write(log::Level::info);
  }
  if (now.terminal && !last_.terminal) {
    Event event("gave_up");
    event.add("error", now.terminal->describe());
    if (const std::string advice = advise(*now.terminal, url_); !advice.empty()) {
      event.add("advice", advice);
    }
    event.write(log::Level::error);
  }
  last_ = now;
}

}  // namespace moq::cli
