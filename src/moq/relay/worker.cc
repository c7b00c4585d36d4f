#include "moq/relay/worker.h"

#include "moq/app/events.h"
#include "moq/net/wire_code.h"

namespace moq::relay {

Worker::Worker(const native::Environment& environment, Node& node, native::Server server)
    : executor_(*environment.executor),
      node_(node),
      server_(std::move(server)),
      origin_(node.origin.clone()),
      tasks_(executor_) {}

kio::Task<Error> Worker::run() {
  for (;;) {
    auto request = co_await server_.accept();
    if (!request) co_return request.error();
    tasks_.spawn(serve(*std::move(request)));
  }
}

Result<net::SessionOptions> Worker::admit_session(const net::Request& request) const {
  MOQ_TRY(const Admission admission, admit(request.path()));
  const net::Path root = admission.root;
  // A session that could do nothing is refused, so that its owner learns why nothing comes.
  const bool asks = request.wants_publish() || request.wants_subscribe();
  const bool may_publish = request.wants_publish() && Grants::reach(node_.grants.publish, root);
  const bool may_subscribe =
      request.wants_subscribe() && Grants::reach(node_.grants.subscribe, root);
  if (asks && !may_publish && !may_subscribe) {
    return std::unexpected(nobody_may(root));
  }
  const auto allowed = [root](std::vector<Pattern> patterns) -> net::origin::Filter {
    return [root, patterns = std::move(patterns)](const net::Path& path) {
      const auto whole = root.join(path);
      return whole && Grants::covers(patterns, *whole);
    };
  };
  net::SessionOptions options;
  options.hop = origin_.hop();
  options.retraction_delay = kRetractionDelay;
  if (request.wants_subscribe()) {
    MOQ_TRY(options.publish, origin_.consume().scope(root, allowed(node_.grants.subscribe)));
  }
  if (request.wants_publish()) {
    MOQ_TRY(options.subscribe, origin_.scope(root, allowed(node_.grants.publish)));
  }
  return options;
}

kio::Task<void> Worker::serve(net::Request request) {
  auto options = admit_session(request);
  if (!options || draining_) {
    const Error error =
        options ? Error(Code::going_away, "the relay is draining") : options.error();
    app::Event("session_refused")
        .add("remote", request.peer())
        .add("code", net::to_code(error, net::Scope::session))
        .add("reason", error.describe())
        .write(log::Level::warn);
    std::move(request).reject(error);
    co_return;
  }
  net::Session session = std::move(request).accept(*std::move(options));
  const std::uint64_t id = node_.next_id.fetch_add(1, std::memory_order_relaxed);
  sessions_.emplace(id, &session);
  node_.sessions.fetch_add(1, std::memory_order_relaxed);
  app::Event("session_accepted")
      .add("id", id)
      .add("remote", session.peer())
      .add("version", net::to_string(session.version()))
      .add("transport", session.carrier())
      .write(log::Level::info);
  const Error ended = co_await session.closed();
  app::Event("session_closed")
      .add("id", id)
      .add("code", ended.wire.value_or(net::to_code(ended, net::Scope::session)))
      .add("reason", ended.describe())
      .write(log::Level::info);
  sessions_.erase(id);
  node_.sessions.fetch_sub(1, std::memory_order_relaxed);
  on_left_.wake();
}

kio::Task<std::size_t> Worker::drain(Duration timeout) {
  draining_ = true;
  for (const auto& [id, session] : sessions_) session->goaway("");
  kio::Timer timer(executor_.clock());
  timer.set_after(timeout);
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (sessions_.empty() || timer.poll(waiter)) return kio::Unit{};
    on_left_.add(waiter);
    return kio::kPending;
  });
  const std::size_t left = sessions_.size();
  for (const auto& [id, session] : sessions_) {
    session->close(net::goaway_timeout("the relay stops"));
  }
  co_return left;
}

}  // namespace moq::relay
