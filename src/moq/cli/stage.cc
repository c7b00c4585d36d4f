#include "moq/cli/stage.h"

#include <array>

#include "moq/app/events.h"

namespace moq::cli {

using app::Event;

void Stage::tell_published() {
  if (!announcement || session.status != native::Status::connected) return;
  if (published_epoch_ == session.epoch) return;
  published_epoch_ = session.epoch;
  published_at = loop.clock().now();
  published.raise();
  Event("published").add("path", options.broadcast.text()).write(log::Level::info);
}

void Stage::tell(const mux::Event& event) {
  if (const auto* track = std::get_if<mux::TrackBegan>(&event)) {
    Event("track")
        .add("name", track->name)
        .add("codec", track->codec)
        .add("container", track->container)
        .write(log::Level::info);
  } else if (const auto* group = std::get_if<mux::GroupDone>(&event)) {
    Event("group")
        .add("track", group->track)
        .add("sequence", group->sequence)
        .add("frames", group->frames)
        .add("bytes", group->bytes)
        .write(log::Level::debug);
  } else if (const auto* lost = std::get_if<mux::GroupsLost>(&event)) {
    Event("group_lost")
        .add("track", lost->track)
        .add("first", lost->first)
        .add("last", lost->last)
        .add("reason", lost->reason)
        .write(log::Level::info);
  }
}

void tell_announced(const net::origin::Update& update) {
  if (update.route) {
    Event("announced")
        .add("path", update.path.text())
        .add("hops", update.route->hops.size())
        .write(log::Level::info);
  } else {
    Event("unannounced").add("path", update.path.text()).write(log::Level::info);
  }
}

void tell_waiting(const Stage& stage, std::string_view what, std::string_view advice) {
  Event("waiting")
      .add("path", stage.options.broadcast.text())
      .add("for", what)
      .add("advice", advice)
      .write(log::Level::info);
}

kio::Task<std::optional<net::broadcast::Consumer>> find_broadcast(Stage& stage,
                                                                  net::origin::Announced& watch) {
  kio::Timer patience(stage.loop.clock());
  bool connected = false;
  for (;;) {
    std::optional<net::origin::Update> update;
    co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (stage.stop.poll(waiter)) return kio::Unit{};
      if (stage.connected.poll(waiter).pending()) return kio::kPending;
      if (!std::exchange(connected, true)) patience.set_after(kPatience);
      if (auto next = watch.poll_next(waiter)) {
        update = *std::move(next);
        return kio::Unit{};
      }
      if (patience.poll(waiter)) {
        patience.clear();
        tell_waiting(stage, "broadcast",
                     "nobody publishes it, or the relay does not let us see it: check --broadcast "
                     "and the URL's path");
      }
      return kio::kPending;
    });
    if (!update) co_return std::nullopt;
    tell_announced(*update);
    if (update->broadcast) co_return std::move(update->broadcast);
  }
}

kio::Task<Result<bool>> write_out(Stage& stage, io::ByteSink& sink, Bytes data) {
  bool stopped = false;
  auto written = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<void>> {
    if (auto done = sink.poll_write(waiter, data)) return done;
    stopped = stage.stop.poll(waiter).ready();
    if (stopped) return Result<void>();
    return kio::kPending;
  });
  // A reader that leaves, such as `head` or a closed player, is a clean end.
  if (!written && written.error().code == Code::closed) co_return false;
  if (!written) co_return std::unexpected(written.error().with_context("stdout"));
  co_return !stopped;
}

}  // namespace moq::cli
