#include "moq/net/moqt/internal/subscriber.h"

namespace moq::net::moqt {

Subscriber::Subscriber(Connection& connection) : connection_(connection) {}
Subscriber::~Subscriber() = default;

void Subscriber::start() {}
void Subscriber::stop() {}
void Subscriber::drain() {}

kio::Task<void> Subscriber::receive_subgroup(StreamReader reader, std::uint64_t type) {
  static_cast<void>(type);
  reader.stop(to_reset_code(Error(Code::cancelled), connection_.draft()));
  co_return;
}

kio::Task<void> Subscriber::receive_fetch(StreamReader reader) {
  reader.stop(to_reset_code(Error(Code::cancelled), connection_.draft()));
  co_return;
}

void Subscriber::receive_datagram(const Datagram&) {}

kio::Task<void> Subscriber::serve_publish_namespace(IncomingRequest request) {
  request.reject(RequestCode::not_supported, "");
  co_return;
}

kio::Task<void> Subscriber::serve_publish(IncomingRequest request) {
  request.reject(RequestCode::not_supported, "");
  co_return;
}

}  // namespace moq::net::moqt
