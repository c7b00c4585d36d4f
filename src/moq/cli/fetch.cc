#include <fmt/format.h>
#include <unistd.h>

#include "moq/app/events.h"
#include "moq/cli/stage.h"
#include "moq/hang/encoding.h"
#include "moq/io/fd_stream.h"

namespace moq::cli {
namespace {

using Frame = std::optional<std::pair<net::frame::Info, Bytes>>;
using Group = std::optional<net::group::Consumer>;

/// The group with that sequence; none once the program has to stop.
kio::Task<Result<Group>> fetch_group(Stage& stage, const net::broadcast::Consumer& broadcast,
                                     std::uint64_t sequence) {
  net::track::Fetch fetch = broadcast.fetch(stage.options.track, sequence);
  auto found = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Group>> {
    if (stage.stop.poll(waiter)) return Result<Group>(Group());
    auto polled = fetch.poll(waiter);
    if (polled.pending()) return kio::kPending;
    if (!*polled) return Result<Group>(std::unexpected(polled->error()));
    return Result<Group>(Group(**std::move(polled)));
  });
  co_return found;
}

/// The newest group of the track; none once the program has to stop.
kio::Task<Result<Group>> newest_group(Stage& stage, net::track::Consumer& track) {
  auto found = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Group>> {
    if (stage.stop.poll(waiter)) return Result<Group>(Group());
    return track.poll_next_group(waiter);
  });
  if (found && !*found && !stage.stop.raised()) {
    co_return fail(Code::not_found, "the track ended without a group");
  }
  co_return found;
}

/// One line for one frame, with the keys of the Rust program and the timestamp.
std::string to_json(std::uint64_t group, std::uint64_t frame, const net::frame::Info& info,
                    const Bytes& payload) {
  return fmt::format(
      "{{\"group\":{},\"frame\":{},\"size\":{},\"payload\":\"{}\",\"timestamp\":{}}}\n", group,
      frame, payload.size(), hang::to_base64(payload), info.timestamp);
}

/// Writes the frames of `group` from the `index`th on, and counts them there.
kio::Task<Result<void>> write_frames(Stage& stage, io::ByteSink& sink, net::group::Consumer group,
                                     std::uint64_t& index) {
  for (std::uint64_t at = 0;; ++at) {
    auto frame = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Frame>> {
      if (stage.stop.poll(waiter)) return Result<Frame>(Frame());
      return group.poll_read_frame(waiter);
    });
    if (!frame) co_return std::unexpected(frame.error());
    if (!*frame) co_return Result<void>();
    if (at < index) continue;
    const auto& [info, payload] = **frame;
    Bytes out = payload;
    if (stage.options.json) out = Bytes::copy(to_json(group.sequence(), index, info, payload));
    auto more = co_await write_out(stage, sink, std::move(out));
    if (!more) co_return std::unexpected(more.error());
    if (!*more) co_return Result<void>();
    ++index;
  }
}

/// Writes the group that was asked for.
kio::Task<Result<void>> write_group(Stage& stage, io::ByteSink& sink,
                                    const net::broadcast::Consumer& broadcast) {
  std::uint64_t written = 0;
  std::optional<std::uint64_t> sequence = stage.options.group;
  if (!sequence) {
    net::track::Consumer track = broadcast.subscribe(stage.options.track);
    auto newest = co_await newest_group(stage, track);
    if (!newest) co_return std::unexpected(newest.error());
    if (!*newest) co_return Result<void>();
    sequence = (*newest)->sequence();
    auto done = co_await write_frames(stage, sink, **std::move(newest), written);
    // It is no longer the newest, so the subscription is through with it; it can still be fetched.
    const bool superseded = !done && done.error().code == Code::old;
    if (!superseded) co_return done;
  }
  auto group = co_await fetch_group(stage, broadcast, *sequence);
  if (!group) co_return std::unexpected(group.error());
  if (!*group) co_return Result<void>();
  auto done = co_await write_frames(stage, sink, **std::move(group), written);
  co_return done;
}

}  // namespace

kio::Task<Result<void>> fetch(Stage& stage) {
  auto opened = io::FdSink::create(stage.loop, STDOUT_FILENO);
  if (!opened) co_return std::unexpected(opened.error().with_context("stdout"));
  const std::unique_ptr<io::ByteSink> sink = *std::move(opened);
  net::origin::Announced watch = stage.origin.consume().announced_exactly(stage.options.broadcast);
  auto broadcast = co_await find_broadcast(stage, watch);
  if (!broadcast) co_return Result<void>();
  auto written = co_await write_group(stage, *sink, *broadcast);
  if (!written) co_return std::unexpected(written.error().with_context(stage.options.track));
  co_return written;
}

}  // namespace moq::cli
